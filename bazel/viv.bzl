"""cc_library, cc_binary and cc_test with the project's options."""

load("//bazel:copts.bzl", "COPTS", "LINKOPTS")

def viv_library(name, copts = [], **kwargs):
    native.cc_library(name = name, copts = COPTS + copts, **kwargs)

def viv_binary(name, copts = [], linkopts = [], **kwargs):
    native.cc_binary(name = name, copts = COPTS + copts, linkopts = LINKOPTS + linkopts, **kwargs)

def viv_test(name, copts = [], linkopts = [], tags = [], **kwargs):
    """A test that may use namespaces and sockets: never in Bazel's own sandbox."""
    native.cc_test(
        name = name,
        copts = COPTS + copts,
        linkopts = LINKOPTS + linkopts,
        # As the programs are linked: with a shared library for each target,
        # --as-needed drops what only those need.
        linkstatic = True,
        tags = tags + ["no-sandbox", "local"],
        **kwargs
    )
