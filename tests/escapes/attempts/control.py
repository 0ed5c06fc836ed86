### page_by_mprotect
check(libc.mprotect(ctypes.c_void_p(page()), 4096, 3))
print('ESCAPED')
### page_by_memory_file
os.pwrite(os.open('/proc/self/mem', os.O_RDWR), b'x', page())
print('ESCAPED')
### page_by_its_map
os.open(f'/proc/self/map_files/{page():x}-{page() + 4096:x}', os.O_RDWR)
print('ESCAPED')
### page_by_remap
libc.mremap.restype = ctypes.c_void_p
new = libc.mremap(ctypes.c_void_p(page()), ctypes.c_size_t(0), ctypes.c_size_t(4096), 1)
check(libc.mprotect(ctypes.c_void_p(new), 4096, 3))
print('ESCAPED')
### page_by_descriptor
for fd in range(1024):
    try:
        if 'memfd' in os.readlink(f'/proc/self/fd/{fd}'):
            print('ESCAPED', fd)
    except OSError:
        pass
### page_punched
check(libc.madvise(ctypes.c_void_p(page()), 4096, 9))
print('ESCAPED')
### descriptors_left_open
left = []
for fd in range(4, 1024):
    try:
        os.fstat(fd)
        left.append(fd)
    except OSError:
        pass
print('ESCAPED' if left else 'none', left)
### second_socket
for fd in [0, 1, 2, *range(4, 1024)]:
    try:
        socket.socket(fileno=os.dup(fd)).getsockname()
        print('ESCAPED', fd)
    except OSError:
        pass
### terminal_left
for fd in range(4):
    if os.isatty(fd):
        print('ESCAPED')
### garbage_to_supervisor
s = socket.socket(fileno=3)
s.send(b'\xff' * 1000)
time.sleep(1)
print('alive')
### descriptors_to_supervisor
s = socket.socket(fileno=3)
socket.send_fds(s, [b'\0' * 64], [0] * 200)
time.sleep(1)
print('alive')
### another_socket_as_channel
a, b = socket.socketpair()
os.dup2(a.fileno(), 3)
print('ESCAPED')
### channel_closed_by_exec
for way in ((72, 3, 2, 1), (72, 1 << 32 | 3, 2, 1), (72, 3, 1 << 32 | 2, 1), (16, 3, 0x5451),
            (436, 3, 3, 4), (436, 1 << 32, 1023, 4)):
    try:
        call(*way)
    except OSError:
        pass
if call(72, 3, 1, 0) & 1:
    print('ESCAPED')
