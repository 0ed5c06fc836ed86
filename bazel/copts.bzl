"""Compiler options for the project's own code and for generated code."""

# Warnings and hardening, as OpenSSF's compiler guide lists them for C. The
# optimisation level and _FORTIFY_SOURCE are .bazelrc's: sanitizers set others.
COPTS = [
    "-std=gnu11",
    "-D_GNU_SOURCE",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-Wshadow",
    "-Wstrict-prototypes",
    "-Wmissing-prototypes",
    "-Wformat=2",
    "-Wno-unused-parameter",
    "-fstack-protector-strong",
    "-fstack-clash-protection",
    "-fcf-protection",
    "-fno-strict-overflow",
]

LINKOPTS = [
    "-Wl,-z,relro,-z,now",
    "-Wl,-z,noexecstack",
    "-Wl,--as-needed",
]

GENERATED_COPTS = [
    "-std=gnu11",
    "-Wno-unused-parameter",
]
