/* Python as users write it runs under the filter; what attacks call doesn't,
 * and does without it, so that these tests can fail. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/test.h"

#define PYTHON "/usr/bin/python3"

static const char *filtered;

/* The exit status; -1: killed. */
static int python(const char *option, const char *code)
{
    pid_t pid = fork();
    int status;

    if (pid == 0) {
        alarm(60);
        execl(filtered, filtered, option, PYTHON, "-c", code, (char *)NULL);
        _exit(127);
    }
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#define ON "--on"
#define OFF "--off"

static void works(const char *code)
{
    assert_int_equal(python(ON, code), 0);
}

static void threads(void **state)
{
    works("import threading, queue\n"
          "q = queue.Queue()\n"
          "ts = [threading.Thread(target=lambda i=i: q.put(i)) for i in range(20)]\n"
          "[t.start() for t in ts]; [t.join() for t in ts]\n"
          "assert sorted(q.queue) == list(range(20))\n");
}

static void asyncio(void **state)
{
    works("import asyncio\n"
          "async def main():\n"
          "    p = await asyncio.create_subprocess_exec('/bin/echo', 'hi', stdout=-1)\n"
          "    assert (await p.communicate())[0] == b'hi\\n'\n"
          "    await asyncio.gather(*(asyncio.sleep(0.01) for _ in range(50)))\n"
          "    assert await asyncio.to_thread(lambda: 5) == 5\n"
          "asyncio.run(main())\n");
}

static void processes(void **state)
{
    works("import subprocess, os, multiprocessing, signal\n"
          "assert subprocess.run(['/bin/sh', '-c', 'exit 3']).returncode == 3\n"
          "pid = os.fork()\n"
          "if pid == 0: os._exit(4)\n"
          "assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 4\n"
          "with multiprocessing.Pool(2) as p: assert p.map(abs, [-1, -2]) == [1, 2]\n");
}

static void files_and_pipes(void **state)
{
    works("import tempfile, os, shutil, mmap, socket, select, selectors, sqlite3, time, random\n"
          "with tempfile.TemporaryDirectory() as d:\n"
          "    open(d + '/a', 'w').write('x' * 100000); shutil.copy2(d + '/a', d + '/b')\n"
          "    os.mkfifo(d + '/f'); os.symlink('a', d + '/l'); os.rename(d + '/b', d + '/c')\n"
          "    c = sqlite3.connect(d + '/db'); c.execute('create table t (x)'); c.commit()\n"
          "    s = socket.socket(socket.AF_UNIX); s.bind(d + '/s'); s.listen()\n"
          "    with open(d + '/a', 'r+b') as f: mmap.mmap(f.fileno(), 0)[0]\n"
          "a, b = socket.socketpair(); a.send(b'x'); assert b.recv(1) == b'x'\n"
          "os.isatty(1); os.get_terminal_size if 0 else None; os.urandom(8); os.nice(0)\n");
}

static void descriptors(void **state)
{
    works("import fcntl, mmap, os, subprocess, tempfile\n"
          "r, w = os.pipe()\n"
          "for on in True, False, True:\n"
          "    os.set_inheritable(w, on); assert os.get_inheritable(w) == on\n"
          "p = subprocess.run(['/bin/sh', '-c', f'echo hi >&{w}'], pass_fds=[w])\n"
          "assert p.returncode == 0 and os.read(r, 9) == b'hi\\n'\n"
          "p = subprocess.run(['/bin/sh', '-c', f'echo hi >&{w}'], stderr=-3)\n"
          "assert p.returncode != 0\n"
          "assert fcntl.fcntl(w, fcntl.F_SETPIPE_SZ, 8192) == fcntl.fcntl(w, fcntl.F_GETPIPE_SZ)\n"
          "m = os.memfd_create('m', os.MFD_ALLOW_SEALING)\n"
          "fcntl.fcntl(m, fcntl.F_ADD_SEALS, fcntl.F_SEAL_GROW)\n"
          "assert fcntl.fcntl(m, fcntl.F_GET_SEALS) == fcntl.F_SEAL_GROW\n"
          "with tempfile.TemporaryFile() as f:\n"
          "    f.write(b'x' * 4096); f.flush(); os.fsync(f); os.fdatasync(f)\n"
          "    fcntl.lockf(f, fcntl.LOCK_EX); fcntl.flock(f, fcntl.LOCK_EX)\n"
          "    for advice in range(6): os.posix_fadvise(f.fileno(), 0, 0, advice)\n"
          "    mmap.mmap(f.fileno(), 4096).flush()\n");
}

static void tcp_and_udp_are_the_only_protocols(void **state)
{
    assert_int_equal(
        python("--network",
               "import errno, socket\n"
               "def refused(*what):\n"
               "    try: socket.socket(*what).close()\n"
               "    except OSError as e: return e.errno == errno.EAFNOSUPPORT\n"
               "    return False\n"
               "for kind, own in (socket.SOCK_STREAM, 6), (socket.SOCK_DGRAM, 17):\n"
               "    for protocol in 0, own: assert not refused(socket.AF_INET, kind, protocol)\n"
               "    for protocol in {*range(300)} - {0, own}:\n"
               "        assert refused(socket.AF_INET, kind, protocol), protocol\n"
               "        assert refused(socket.AF_INET6, kind, protocol), protocol\n"),
        0);
    if (python(OFF, "import socket; socket.socket(socket.AF_INET6)") == 0)
        assert_int_equal(python("--network", "from socket import *\n"
                                             "for what in (1, 0), (1, 6), (2, 0), (2, 17):\n"
                                             "    socket(AF_INET6, *what)\n"),
                         0);
}

static void foreign_functions(void **state)
{
    works("import ctypes\n"
          "libc = ctypes.CDLL(None)\n"
          "cb = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)(lambda a, b: 0)\n"
          "buf = (ctypes.c_int * 4)(3, 1, 2, 0)\n"
          "libc.qsort(buf, 4, 4, cb)\n");
}

static void numbers(void **state)
{
    if (python(OFF, "import numpy") != 0) {
        fprintf(stderr, "SKIPPED: numpy isn't installed (apt-get install python3-numpy)\n");
        skip();
    }
    works("import numpy as np\n"
          "a = np.random.default_rng(1).random((300, 300))\n"
          "assert np.allclose(a @ np.linalg.inv(a), np.eye(300), atol=1e-6)\n"
          "np.fft.fft(np.arange(1024.0))\n");
}

static void tables(void **state)
{
    if (python(OFF, "import pandas") != 0) {
        fprintf(stderr, "SKIPPED: pandas isn't installed (apt-get install python3-pandas)\n");
        skip();
    }
    works("import pandas as pd\n"
          "d = pd.DataFrame({'a': [1, 2, 2], 'b': [3, 4, 5]})\n"
          "assert d.groupby('a').b.sum().tolist() == [3, 9]\n");
}

/* 0: it could; 1: OSError; 2: something else. */
#define ATTEMPT(setup, call)                                        \
    "import ctypes, os, socket, mmap\n"                             \
    "libc = ctypes.CDLL(None, use_errno=True)\n" setup "\n"         \
    "def check(rc):\n"                                              \
    "    if rc < 0: raise OSError(ctypes.get_errno(), 'refused')\n" \
    "try:\n    " call "\nexcept OSError: raise SystemExit(1)\n"

/* Each needs no privilege: without the filter any user's program may. */
static const struct {
    const char *what, *code;
} attempts[] = {
    {"unshare of a user namespace", ATTEMPT("", "check(libc.unshare(0x10000000))")},
    {"a session keyring", ATTEMPT("", "check(libc.syscall(250, 1, 0))")},
    {"a raw netlink socket", ATTEMPT("", "socket.socket(16, 3, 0)")},
    {"an internet socket", ATTEMPT("", "socket.socket()")},
    {"an AF_ALG socket", ATTEMPT("", "socket.socket(1 + 37, 5, 0)")},
    {"shared memory of System V", ATTEMPT("", "check(libc.shmget(0, 4096, 0o1600))")},
    {"inotify", ATTEMPT("", "check(libc.inotify_init1(0))")},
    {"mincore of a mapping", ATTEMPT("m = mmap.mmap(-1, 4096); v = (ctypes.c_char * 1)()\n"
                                     "a = ctypes.addressof(ctypes.c_char.from_buffer(m))",
                                     "check(libc.mincore(ctypes.c_void_p(a), 4096, v))")},
    {"reading its own memory by process_vm_readv",
     ATTEMPT(
         "b = ctypes.create_string_buffer(8)\n"
         "class V(ctypes.Structure): _fields_ = [('b', ctypes.c_void_p), ('n', ctypes.c_size_t)]\n"
         "v = V(ctypes.addressof(b), 8); w = V(ctypes.addressof(b), 8)",
         "check(libc.process_vm_readv(os.getpid(), ctypes.byref(v), 1, ctypes.byref(w), 1, 0))")},
    {"tracing by a parent", ATTEMPT("", "check(libc.ptrace(0, 0, 0, 0))")},
    {"an address layout that isn't random", ATTEMPT("", "check(libc.personality(0x40000))")},
    {"a processor of its choice", ATTEMPT("", "os.sched_setaffinity(0, os.sched_getaffinity(0))")},
    {"splice",
     ATTEMPT("a = os.pipe(); b = os.pipe(); os.write(a[1], b'x')", "os.splice(a[0], b[1], 1)")},
};

static void attacks_are_refused_by_the_filter_and_by_nothing_else(void **state)
{
    for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++) {
        int on = python(ON, attempts[i].code), off = python(OFF, attempts[i].code);

        fprintf(stderr, "  %-46s filter: %s  without: %s\n", attempts[i].what,
                on == 1 ? "refused" : "POSSIBLE", off == 0 ? "possible" : "not here either");
        assert_int_equal(on, 1);
        /* The machine itself may refuse one or the other. */
        if (off != 0)
            fprintf(stderr, "SKIPPED: %s shows nothing on this machine\n", attempts[i].what);
    }
}

static void foreign_calls_kill(void **state)
{
    assert_int_equal(python(ON, "import ctypes; ctypes.CDLL(None).syscall(0x40000027)"), -1);
    assert_int_equal(python(OFF, "import ctypes; ctypes.CDLL(None).syscall(0x40000027)"), 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads),
        cmocka_unit_test(asyncio),
        cmocka_unit_test(processes),
        cmocka_unit_test(files_and_pipes),
        cmocka_unit_test(descriptors),
        cmocka_unit_test(tcp_and_udp_are_the_only_protocols),
        cmocka_unit_test(foreign_functions),
        cmocka_unit_test(numbers),
        cmocka_unit_test(tables),
        cmocka_unit_test(attacks_are_refused_by_the_filter_and_by_nothing_else),
        cmocka_unit_test(foreign_calls_kill),
    };

    filtered = argv[1];
    return cmocka_run_group_tests_name("seccomp", tests, NULL, NULL);
}
