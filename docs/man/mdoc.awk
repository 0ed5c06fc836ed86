# Help texts of a program as mdoc(7): usage lines, paragraphs, options, and what is
# indented otherwise, as it stands. A line "@ TEXT" begins a subsection.

function escape(text) {
    gsub(/\\/, "\\e", text)
    gsub(/-/, "\\-", text)
    sub(/^[.']/, "\\\\\\&&", text)
    return text
}

# mdoc wants each sentence on a line of its own.
function print_text(text) {
    while (match(text, /[.!?] +[A-Z]/)) {
        print escape(substr(text, 1, RSTART))
        text = substr(text, RSTART + RLENGTH - 1)
    }
    print escape(text)
}

function print_literal(text) {
    end_list()
    if (!in_literal)
        print ".Bd -literal"
    in_literal = 1
    print escape(text)
}

function end_list() {
    if (in_list)
        print ".El"
    in_list = 0
}

function end_literal() {
    if (in_literal)
        print ".Ed"
    in_literal = 0
}

function end_block() {
    end_list()
    end_literal()
}

/^@ / {
    end_block()
    print ".Ss " substr($0, 3)
    in_usage = 1
    next
}

/^$/ {
    end_block()
    in_usage = 0
    gap = 1
    next
}

in_usage {
    print_literal($0)
    next
}

match($0, /^  -[-a-z]+( [A-Z][A-Z|]*)?(, -[-a-z]+( [A-Z]+)?)*/) {
    end_literal()
    if (!in_list)
        print ".Bl -tag -width Ds"
    in_list = 1
    print ".It " escape(substr($0, 3, RLENGTH - 2))
    text = substr($0, RLENGTH + 1)
    sub(/^ +/, "", text)
    if (text != "")
        print_text(text)
    next
}

/^          / && in_list {
    sub(/^ +/, "")
    print_text($0)
    next
}

/^  / {
    print_literal($0)
    next
}

{
    end_block()
    if (gap)
        print ".Pp"
    gap = 0
    print_text($0)
}

END { end_block() }
