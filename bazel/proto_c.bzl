"""C code from .proto files, by Debian's protoc-c."""

load("//bazel:copts.bzl", "GENERATED_COPTS")

def proto_c_library(name, protos, roots, paths, visibility = None, deps = []):
    """A cc_library of protobuf-c code.

    Args:
      name: the library.
      protos: labels of every .proto that is read, imports included.
      roots: folders that imports are relative to, as protoc's -I.
      paths: the .proto files to generate code of, relative to a root.
      visibility: as everywhere.
      deps: proto_c_library targets of the imports.
    """
    stems = [path[:-len(".proto")] for path in paths]
    native.genrule(
        name = name + "_gen",
        srcs = protos,
        outs = [s + ext for s in stems for ext in (".pb-c.c", ".pb-c.h")],
        cmd = "protoc-c {roots} --c_out=$(RULEDIR) {paths}".format(
            roots = " ".join(["-I" + root for root in roots]),
            paths = " ".join(paths),
        ),
    )
    native.cc_library(
        name = name,
        srcs = [s + ".pb-c.c" for s in stems],
        hdrs = [s + ".pb-c.h" for s in stems],
        copts = GENERATED_COPTS,
        includes = ["."],
        visibility = visibility,
        deps = ["@system//:protobuf_c"] + deps,
    )
