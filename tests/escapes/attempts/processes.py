### signal_bystander
os.kill(PID, 0)
print('ESCAPED')
### signal_bystander_by_pidfd
signal.pidfd_send_signal(os.pidfd_open(PID), 0)
print('ESCAPED')
### queue_signal_to_bystander
info = struct.pack('iii', 0, 0, -1) + b'\0' * 116
call(129, PID, 0, info)
print('ESCAPED')
### signal_group_of_bystander
os.killpg(PID, 0)
print('ESCAPED')
### signal_everybody
os.kill(-1, 0)
print('ESCAPED')
### signal_other_worker
os.kill(VICTIM, 0)
print('ESCAPED')
### io_signals_to_bystander
import fcntl
fcntl.fcntl(os.pipe()[0], 8, PID)
print('ESCAPED')
### trace_bystander
call(101, 0x4206, PID, 0, 0)
print('ESCAPED')
### trace_other_worker
call(101, 0x4206, VICTIM, 0, 0)
print('ESCAPED')
### read_memory_of_bystander
there = (ctypes.c_size_t * 2)(SECRET, 6)
buffer = ctypes.create_string_buffer(7)
here = (ctypes.c_size_t * 2)(ctypes.addressof(buffer), 6)
call(310, PID, here, 1, there, 1, 0)
print('ESCAPED', buffer.value)
### write_memory_of_bystander
there = (ctypes.c_size_t * 2)(SECRET, 1)
buffer = ctypes.create_string_buffer(b's')
here = (ctypes.c_size_t * 2)(ctypes.addressof(buffer), 1)
call(311, PID, here, 1, there, 1, 0)
print('ESCAPED')
### memory_file_of_bystander
print('ESCAPED', os.pread(os.open(f'/proc/{PID}/mem', os.O_RDONLY), 6, SECRET))
### environment_of_bystander
print('ESCAPED', open(f'/proc/{PID}/environ', 'rb').read(10))
### command_line_of_bystander
print('ESCAPED', open(f'/proc/{PID}/cmdline', 'rb').read(10))
### descriptors_of_bystander
print('ESCAPED', os.listdir(f'/proc/{PID}/fd'))
### take_descriptor_of_bystander
print('ESCAPED', call(438, os.pidfd_open(PID), 0, 0))
### compare_with_bystander
call(312, os.getpid(), PID, 1, 0, 0)
print('ESCAPED')
### limits_of_bystander
import resource
print('ESCAPED', resource.prlimit(PID, resource.RLIMIT_CORE))
### slow_bystander_down
os.setpriority(os.PRIO_PROCESS, PID, os.getpriority(os.PRIO_PROCESS, PID))
print('ESCAPED')
### processes_of_others
mine = {os.getpid(), os.getppid()}
others = {int(p) for p in os.listdir('/proc') if p.isdigit()} - mine
print('ESCAPED' if others else 'none', others)
### stop_init
os.kill(os.getppid(), signal.SIGSTOP)
time.sleep(0.05)
if open(f'/proc/{os.getppid()}/stat').read().split()[2] == 'T':
    print('ESCAPED')
### outlive_by_double_fork
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        libc.prctl(15, b'viv-outlives')
        for fd in range(4):
            os.close(fd)
        time.sleep(20)
        os._exit(0)
    os._exit(0)
time.sleep(0.1)
### outlive_by_killing_init
if os.fork() == 0:
    os.setsid()
    libc.prctl(1, 0)
    libc.prctl(15, b'viv-outlives')
    for fd in range(4):
        os.close(fd)
    time.sleep(20)
    os._exit(0)
time.sleep(0.1)
os.kill(os.getppid(), signal.SIGKILL)
time.sleep(0.1)
### own_processor
os.sched_setaffinity(0, os.sched_getaffinity(0))
print('ESCAPED')
### real_time
os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
print('ESCAPED')
### batch_scheduling
os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
print('ESCAPED')
### faster_than_others
os.setpriority(os.PRIO_PROCESS, 0, -5)
print('ESCAPED')
### io_priority
call(251, 1, 0, 0x4000)
print('ESCAPED')
### terminal_input
import fcntl, termios
for path in '/dev/tty', '/dev/console', '/proc/self/fd/0':
    try:
        fcntl.ioctl(os.open(path, os.O_RDWR), termios.TIOCSTI, b'x')
        print('ESCAPED')
    except OSError as e:
        print(e)
