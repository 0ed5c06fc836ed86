import fcntl
def try_all(*steps):
    for step in steps:
        try:
            kept.append(step())
        except OSError:
            pass
def listen():
    s = socket.socket(socket.AF_UNIX)
    s.bind('\0' + ABSTRACT + '-victim')
    s.listen(100)
    return s
def flock():
    f = open('/usr/lib/python3.11/io.py')
    fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return f
def lock():
    f = open('/usr/lib/python3.11/os.py')
    fcntl.fcntl(f, fcntl.F_SETLK, struct.pack('hhqqi4x', fcntl.F_RDLCK, 0, 0, 0, 0))
    return f
def map_page():
    f = os.open('/usr/lib/python3.11/this.py', os.O_RDONLY)
    m = mmap.mmap(f, 100, prot=mmap.PROT_READ)
    m[0]
    return m
try_all(lambda: open('/tmp/viv-escapes-victim', 'w').write('x'),
        lambda: open('/dev/shm/viv-escapes-victim', 'w').write('x'),
        listen, flock, lock, map_page,
        lambda: check(libc.shmget(0x5e1f, 4096, 0o1666)),
        lambda: check(libc.msgget(0x5e1f, 0o1666)),
        lambda: call(240, b'viv-victim', 0o102, 0o666, None),
        lambda: call(248, b'user', b'viv-victim', b'x', 1, -4))
print('ready', flush=True)
time.sleep(1000)
