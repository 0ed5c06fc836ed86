### become_root
os.setresuid(0, 0, 0)
print('ESCAPED')
### become_another
os.setresgid(65533, 65533, 65533)
print('ESCAPED')
### file_system_id
libc.setfsuid(0)
print('ESCAPED' if libc.setfsuid(-1) == 0 else 'no')
### take_capabilities
head = struct.pack('Ii', 0x20080522, 0)
call(126, head, struct.pack('IIIIII', 0x200000, 0x200000, 0, 0, 0, 0))
print('ESCAPED')
### capabilities_held
lines = dict(line.split(':') for line in open('/proc/self/status') if line.startswith('Cap'))
print('ESCAPED' if int(lines['CapEff'], 16) else 'none')
### set_user_id_program: root
out = os.memfd_create('out')
pid = os.fork()
if pid == 0:
    os.dup2(out, 1)
    os.execv(DIR + '/id', ['id', '-u'])
os.waitpid(pid, 0)
print('ESCAPED' if os.pread(out, 10, 0) == b'0\n' else 'no', os.pread(out, 10, 0))
### open_core
import resource
resource.setrlimit(resource.RLIMIT_CORE, (4096, 4096))
print('ESCAPED')
### more_descriptors
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (2048, 2048))
print('ESCAPED', [os.dup(0) for _ in range(1500)][-1])
### locked_memory
import resource
m = mmap.mmap(-1, 1 << 20)
check(libc.mlock(ctypes.byref(ctypes.c_char.from_buffer(m)), 1 << 20))
print('ESCAPED')
### fork_bomb
count = 0
try:
    while count < 1200:
        if check(libc.fork()) == 0:
            time.sleep(20)
            os._exit(0)
        count += 1
finally:
    print('ESCAPED' if count >= 1200 else count)
### fill_tmp
f = open(TMP, 'wb')
try:
    for _ in range(100):
        f.write(b'x' * (1 << 20))
    f.flush()
    print('ESCAPED')
finally:
    os.unlink(TMP)
### fill_shm
f = os.open(SHM, os.O_RDWR | os.O_CREAT)
try:
    os.posix_fallocate(f, 0, 100 << 20)
    print('ESCAPED')
finally:
    os.unlink(SHM)
### fill_inodes
os.mkdir(TMP)
try:
    for i in range(17000):
        os.mknod(f'{TMP}/{i}')
    print('ESCAPED')
finally:
    for name in os.listdir(TMP):
        os.unlink(f'{TMP}/{name}')
### attributes_in_kernel_memory
open(TMP, 'w').close()
os.setxattr(TMP, 'user.x', b'x' * 1000)
print('ESCAPED')
