"""Strings: nested data written as JSON by hand, and read back."""


def write(value):
    if isinstance(value, dict):
        return "{" + ",".join('"%s":%s' % (k, write(v)) for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(write(v) for v in value) + "]"
    return '"%s"' % value if isinstance(value, str) else repr(value)


def read(text, at):
    char = text[at]
    if char == "{":
        result, at = {}, at + 1
        while text[at] != "}":
            key, at = read(text, at)
            result[key], at = read(text, at + 1)
            at += text[at] == ","
        return result, at + 1
    if char == "[":
        result, at = [], at + 1
        while text[at] != "]":
            item, at = read(text, at)
            result.append(item)
            at += text[at] == ","
        return result, at + 1
    if char == '"':
        end = text.index('"', at + 1)
        return text[at + 1:end], end + 1
    end = at
    while text[end] in "0123456789.-":
        end += 1
    return int(text[at:end]), end


def run():
    data = {"row%d" % i: [i, "name%d" % i, {"x": i * 3, "tags": ["a", "b"]}] for i in range(200)}
    total = 0
    for _ in range(40):
        text = write(data)
        total += len(text) + len(read(text, 0)[0])
    return total
