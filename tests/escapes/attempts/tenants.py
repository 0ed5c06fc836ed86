### tmp_of_other_worker
print('ESCAPED', open('/tmp/viv-escapes-victim').read())
### shm_of_other_worker
print('ESCAPED', open('/dev/shm/viv-escapes-victim').read())
### sysv_memory_of_other_worker
shm = check(libc.shmget(0x5e1f, 4096, 0))
libc.shmat.restype = ctypes.c_void_p
print('ESCAPED', libc.shmat(shm, None, 0o10000))
### queue_of_other_worker
check(libc.msgget(0x5e1f, 0))
print('ESCAPED')
### posix_queue_of_other_worker
q = call(240, b'viv-victim', 2, 0, None)
call(241, b'viv-victim')
print('ESCAPED', q)
### key_of_other_worker
call(250, 10, -4, b'user', b'viv-victim', 0)
print('ESCAPED')
### session_keyring
call(250, 1, None)
print('ESCAPED')
### inotify_instances
check(libc.inotify_init1(0))
print('ESCAPED')
### cached_pages
libc.mmap.restype = ctypes.c_void_p
f = os.open('/usr/lib/python3.11/os.py', os.O_RDONLY)
m = libc.mmap(None, 4096, 1, 1, f, 0)
call(27, ctypes.c_void_p(m), 4096, ctypes.create_string_buffer(1))
print('ESCAPED')
### cached_pages_by_nowait
f = os.open('/usr/lib/python3.11/os.py', os.O_RDONLY)
try:
    print('ESCAPED', os.preadv(f, [bytearray(10)], 0, 8))
except BlockingIOError:
    print('ESCAPED: it is not cached')
### cached_pages_by_cachestat
f = os.open('/usr/lib/python3.11/os.py', os.O_RDONLY)
call(451, f, struct.pack('QQ', 0, 4096), ctypes.create_string_buffer(64), 0)
print('ESCAPED')
### read_ahead
call(187, os.open('/usr/lib/python3.11/os.py', os.O_RDONLY), 0, 4096)
print('ESCAPED')
### evict_pages
m = mmap.mmap(-1, 4096)
m.madvise(21)
print('ESCAPED')
### evict_file
try:
    call(221, os.pipe()[0], 0, 0, 4)
except OSError as e:
    print('ESCAPED' if e.errno == errno.ESPIPE else e)
### cached_names
try:
    how = struct.pack('QQQ', os.O_RDONLY, 0, 0x20)
    print('ESCAPED', call(437, AT_FDCWD, b'/usr/lib/python3.11/os.py', how, len(how)))
except BlockingIOError:
    print('ESCAPED: it is not cached')
### flush_disk
try:
    os.fsync(os.pipe()[0])
except OSError as e:
    print('ESCAPED' if e.errno == errno.EINVAL else e)
### flush_disk_by_mapping
libc.mmap.restype = ctypes.c_void_p
f = os.open('/usr/lib/python3.11/os.py', os.O_RDONLY)
m = libc.mmap(None, 4096, 1, 1, f, 0)
check(libc.munmap(ctypes.c_void_p(m), 4096))
try:
    call(26, ctypes.c_void_p(m), 4096, 4)
except OSError as e:
    print('ESCAPED' if e.errno == errno.ENOMEM else e)
### watch_folder
import fcntl
f = os.open('/usr/lib/python3.11', os.O_RDONLY)
fcntl.fcntl(f, fcntl.F_NOTIFY, fcntl.DN_ACCESS)
print('ESCAPED')
### lease
import fcntl
fcntl.fcntl(os.open(TMP, os.O_RDWR | os.O_CREAT), fcntl.F_SETLEASE, fcntl.F_WRLCK)
print('ESCAPED')
### hint_on_file
import fcntl
fcntl.fcntl(os.open(TMP, os.O_RDWR | os.O_CREAT), 1036, struct.pack('Q', 2))
print('ESCAPED')
### host_name
call(170, b'viv', 3)
print('ESCAPED')
### name_of_host
print('ESCAPED' if os.uname().nodename == NODE else 'another name')
### record_lock_of_other_worker: known
import fcntl
f = open('/usr/lib/python3.11/os.py')
lock = struct.pack('hhqqi4x', fcntl.F_WRLCK, 0, 0, 0, 0)
held = struct.unpack('hhqqi4x', fcntl.fcntl(f, fcntl.F_GETLK, lock))
print('ESCAPED' if held[0] != fcntl.F_UNLCK else 'not held')
### flock_of_other_worker: known
import fcntl
try:
    fcntl.flock(open('/usr/lib/python3.11/io.py'), fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    print('ESCAPED')
### page_mapped_by_other_worker: known
f = os.open('/usr/lib/python3.11/this.py', os.O_RDONLY)
m = mmap.mmap(f, 100, prot=mmap.PROT_READ)
m[0]
line, = [line for line in open('/proc/self/maps') if 'this.py' in line]
entry = os.pread(os.open('/proc/self/pagemap', os.O_RDONLY), 8, int(line.split('-')[0], 16) // 512)
print('mapped by nobody else' if int.from_bytes(entry, 'little') >> 56 & 1 else 'ESCAPED')
### descriptors_on_their_way
a, b = socket.socketpair()
socket.send_fds(a, [b'x'], [0] * 250)
print('ESCAPED')
### signals_that_wait
import resource
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGRTMIN])
info = struct.pack('iii', signal.SIGRTMIN, 0, -1) + b'\0' * 116
for _ in range(5000):
    call(129, os.getpid(), signal.SIGRTMIN, info)
print('ESCAPED')
