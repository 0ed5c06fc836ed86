import ctypes, errno, mmap, os, signal, socket, struct, time
libc = ctypes.CDLL(None, use_errno=True)
AT_FDCWD = -100
# Places of the attempt's own, also where they are the host's.
NAME = f'viv-escapes-{time.monotonic_ns()}'
TMP = '/tmp/' + NAME
SHM = '/dev/shm/' + NAME
kept = []
def check(rc):
    if rc < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return rc
def call(number, *args):
    return check(libc.syscall(*[ctypes.c_long(a) if isinstance(a, int) else a
                                for a in (number, *args)]))
def addressof(data):
    kept.append(ctypes.create_string_buffer(data))
    return ctypes.addressof(kept[-1])
def page():
    line, = [line for line in open('/proc/self/maps') if 'memfd' in line]
    return int(line.split('-')[0], 16)
