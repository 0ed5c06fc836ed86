"""The libraries as they are installed: shared ones with versioned symbols, static ones."""

load("//bazel:copts.bzl", "LINKOPTS")

def _one_object_impl(ctx):
    objects = []
    for group in ctx.attr.dep[CcInfo].linking_context.linker_inputs.to_list():
        for library in group.libraries:
            objects += library.pic_objects or library.objects
    ctx.actions.run_shell(
        inputs = objects + [ctx.file.symbols],
        outputs = [ctx.outputs.object, ctx.outputs.archive],
        arguments = [
            ctx.outputs.object.path,
            ctx.outputs.archive.path,
            ctx.file.symbols.path,
        ] + [o.path for o in objects],
        command = """
set -e
object=$1 archive=$2 symbols=$3
shift 3
ld -r -o "$object" "$@"
objcopy --keep-global-symbols="$symbols" "$object"
ar rcsD "$archive" "$object"
""",
    )

# All of the project's code that a library consists of, as one object in which
# only the public symbols are global: no name of ours meets one of the user's,
# and two of our libraries fit into one program.
_one_object = rule(
    implementation = _one_object_impl,
    attrs = {
        "archive": attr.output(mandatory = True),
        "dep": attr.label(mandatory = True, providers = [CcInfo]),
        "object": attr.output(mandatory = True),
        "symbols": attr.label(mandatory = True, allow_single_file = True),
    },
)

def installed_library(name, dep, header, version):
    """NAME.so and NAME.a, with the symbols that NAME.symbols lists and no others.

    Args:
      name: libNAME without a suffix.
      dep: the cc_library.
      header: its header that defines the version.
      version: the macro; soname and symbol version follow it.
    """
    native.genrule(
        name = name + "_options",
        srcs = [
            header,
            name + ".symbols",
        ],
        outs = [
            name + ".map",
            name + ".options",
        ],
        cmd = "\n".join([
            "n=$$(sed -n 's/^#define {} //p' $(location {}))".format(version, header),
            "map=$(location {}.map)".format(name),
            "node=$$(echo {} | tr a-z A-Z)_$$n".format(name[len("lib"):]),
            "{ echo \"$$node {\"; echo '    global:'",
            "sed 's/.*/        &;/' $(location {}.symbols)".format(name),
            "echo '    local: *;'; echo '};'; } >$$map",
            "echo \"-soname {}.so.$$n --version-script $$map\" >$(location {}.options)".format(name, name),
        ]),
    )
    _one_object(
        name = name + "_object",
        archive = name + ".a",
        dep = dep,
        object = name + ".pic.o",
        symbols = name + ".symbols",
    )
    native.cc_binary(
        name = name + ".so",
        srcs = [name + ".pic.o"],
        additional_linker_inputs = [
            name + ".map",
            name + ".options",
        ],
        linkopts = LINKOPTS + [
            "-Wl,-z,defs",
            "-Wl,@$(location {}.options)".format(name),
        ],
        linkshared = True,
        # A sanitizer's library is not among what it names.
        tags = [
            "no-asan",
            "no-tsan",
            "no-ubsan",
        ],
        # For the libraries that it needs; what is in them is in the object.
        deps = [dep],
    )
