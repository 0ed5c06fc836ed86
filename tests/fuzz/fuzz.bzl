"""libFuzzer programs. They need clang, and with it the other sanitizers come
along; the toolchain of the ordinary build is gcc, so these are made by hand."""

FLAGS = [
    "-std=gnu11",
    "-D_GNU_SOURCE",
    "-O1",
    "-g",
    "-fno-omit-frame-pointer",
    "-fsanitize=fuzzer,address,undefined",
    "-fno-sanitize-recover=undefined",
]

def fuzz_binary(name, srcs, libraries = []):
    """One fuzzer of C sources and headers, their labels all in srcs."""
    native.genrule(
        name = name + "_link",
        srcs = srcs,
        outs = [name],
        cmd = """
            clang-14 {flags} -iquote . -iquote $(GENDIR) -I$(GENDIR)/proto \
                $$(printf '%s\\n' $(SRCS) | grep '\\.c$$') -lprotobuf-c {libraries} -o $@
        """.format(flags = " ".join(FLAGS), libraries = " ".join(["-l" + name for name in libraries])),
        executable = True,
        tags = ["manual"],
    )
