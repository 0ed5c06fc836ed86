/* gRPC, upb, abseil and OpenSSL are not instrumented: ThreadSanitizer sees their accesses
 * where they pass through libc, but not the atomics that order them. Their
 * mutexes still count, so what passes through them is followed. */
const char *__tsan_default_suppressions(void);

const char *__tsan_default_suppressions(void)
{
    return "called_from_lib:libgrpc.so\n"
           "called_from_lib:libgpr.so\n"
           "called_from_lib:libupb.so\n"
           "race:libgrpc.so\n"
           "race:libgpr.so\n"
           "race:libupb.so\n"
           "race:libabsl_\n"
           "race:libupb.so\n"
           "mutex:libgrpc.so\n"
           "race:libcrypto.so\n"
           "race:libssl.so\n";
}
