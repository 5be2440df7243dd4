# Other processes, as a program sees, signals and traces them. What harms is tried only where the process namespace is
# not the host's.


def others():
    """Processes that are not this program's."""
    mine = {os.getpid()}
    return [pid for pid in pids() if pid not in mine]


def only_confined():
    if not confined():
        raise ValueError('not tried: it shares the process namespace of the host')


@control
def it_has_a_process_namespace_of_its_own():
    only_confined()


@control
def it_signals_its_own_children():
    child = os.fork()
    if child == 0:
        time.sleep(60)
        os._exit(1)
    os.kill(child, signal.SIGKILL)
    return None if os.waitpid(child, 0)[1] == signal.SIGKILL else 'it ended otherwise'


@attack
def the_test_is_seen():
    for pid in others():
        try:
            line = read(f'/proc/{pid}/cmdline')
        except OSError:
            continue
        if FACTS['exe'].encode() in line or FACTS['nap'].encode() in line:
            return f'{pid}: {line[:60]!r}'


@attack
def many_processes_are_seen():
    seen = pids()
    return f'{len(seen)} processes, up to {seen[-1]}' if len(seen) > 8 else None


@attack
def a_process_of_another_session_is_seen_by_number():
    for pid in FACTS['pids']:
        try:
            line = read(f'/proc/{pid}/cmdline')
        except OSError:
            continue
        if FACTS['nap'].encode() in line:
            return f'{pid}'


@attack
def threads_and_links_of_the_first_process():
    for name in ('exe', 'cwd', 'root', 'fd/0', 'fd/3', 'ns/mnt', 'ns/net', 'map_files'):
        try:
            if name == 'map_files':
                return f'{os.listdir("/proc/1/map_files")[:1]}'
            return f'{name} is {os.readlink("/proc/1/" + name)}'
        except OSError:
            pass


@attack
def namespaces_of_others_are_opened():
    for pid in others():
        for name in ('mnt', 'net', 'user', 'pid'):
            try:
                fd = os.open(f'/proc/{pid}/ns/{name}', os.O_RDONLY)
                syscall(308, fd, 0)
                return f'{name} of {pid} was entered'
            except OSError:
                pass


@attack
def memory_of_others_is_read():
    for pid in others():
        try:
            os.open(f'/proc/{pid}/mem', os.O_RDONLY)
            return f'of {pid}'
        except OSError:
            pass


@attack
def memory_of_others_is_written():
    for pid in others():
        try:
            os.open(f'/proc/{pid}/mem', os.O_WRONLY)
            return f'of {pid}'
        except OSError:
            pass


# PTRACE_SEIZE: it stops nobody, and ends with us.
@attack
def the_first_process_is_traced():
    return in_child(lambda: f'it gave {syscall(101, 0x4206, 1, 0, 0)}')


@attack
def the_supervisor_is_traced():
    parent = os.getppid()
    return in_child(lambda: f'it gave {syscall(101, 0x4206, parent, 0, 0)}')


@attack
def a_child_is_traced():
    child = os.fork()
    if child == 0:
        time.sleep(60)
        os._exit(1)
    try:
        return refused([errno.EPERM], 101, 0x4206, child, 0, 0)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


@attack
def memory_through_process_vm():
    buffer = ctypes.create_string_buffer(8)
    local = (ctypes.c_size_t * 2)(ctypes.addressof(buffer), 8)
    remote = (ctypes.c_size_t * 2)(ctypes.addressof(buffer), 8)
    return refused([errno.EPERM], 310, 1, local, 1, remote, 1, 0)


@attack
def limits_of_the_first_process():
    limits = (ctypes.c_uint64 * 2)()
    # The same as they are.
    checked(libc.prlimit(1, 7, None, limits))
    checked(libc.prlimit(1, 7, limits, None))
    return f'they were set to {list(limits)}'


@attack
def limits_of_the_supervisor():
    limits = (ctypes.c_uint64 * 2)()
    checked(libc.prlimit(os.getppid(), 7, None, limits))
    checked(libc.prlimit(os.getppid(), 7, limits, None))
    return f'they were set to {list(limits)}'


@attack
def descriptors_of_the_first_process():
    def take():
        pidfd = syscall(434, 1, 0)
        return f'a descriptor: {syscall(438, pidfd, 0, 0)}'
    return in_child(take)


@attack
def the_first_process_is_killed_first():
    with open('/proc/1/oom_score_adj', 'r+') as file:
        value = file.read()
        file.seek(0)
        file.write(value)
        return f'{value} was written'


SIGNALS = [signal.SIGSTOP, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGTSTP, signal.SIGABRT,
           signal.SIGSEGV, signal.SIGSYS, signal.SIGKILL]


# From here on what is gained shows in what is still there afterwards, and in what the engine says.
@attack
def the_first_process_is_signalled():
    only_confined()
    for number in SIGNALS:
        try:
            os.kill(1, number)
        except OSError:
            pass
    return None if state(1) in ('S', 'R') else f'it is in state {state(1)}'


def state(pid):
    return read(f'/proc/{pid}/stat').decode(errors='replace').rpartition(')')[2].split()[0]


@attack
def every_process_that_is_seen_is_signalled():
    only_confined()
    before = others()
    for pid in before:
        for number in SIGNALS:
            for way in (os.kill, lambda pid, n: syscall(200, pid, n), lambda pid, n: syscall(424, syscall(434, pid, 0), n, 0, 0)):
                try:
                    way(pid, number)
                except OSError:
                    pass
    gone = [pid for pid in before if not os.path.exists(f'/proc/{pid}') or state(pid) in 'TZX']
    return f'{gone} of {before} ended or stopped' if gone else None


@attack
def the_supervisor_is_signalled():
    only_confined()
    parent = os.getppid()
    for number in SIGNALS:
        for way in (os.kill, lambda pid, n: syscall(200, pid, n)):
            try:
                way(parent, number)
            except OSError:
                pass
    return None if os.getppid() == parent else f'it was {parent}, now it is {os.getppid()}'


@attack
def the_supervisor_is_signalled_by_a_descriptor():
    import fcntl
    only_confined()
    parent = os.getppid()
    # F_SETOWN and F_SETSIG: the kernel sends the signal for us.
    for target in (parent, 1):
        left, right = socket.socketpair()
        try:
            fcntl.fcntl(left, fcntl.F_SETOWN, target)
            fcntl.fcntl(left, 10, signal.SIGKILL)
            fcntl.fcntl(left, fcntl.F_SETFL, fcntl.fcntl(left, fcntl.F_GETFL) | os.O_ASYNC)
            right.send(b'x')
        except OSError:
            pass
    return None if os.getppid() == parent else f'it was {parent}, now it is {os.getppid()}'


@attack
def everybody_is_signalled_at_once():
    only_confined()
    parent = os.getppid()
    # In a child: the one that sends is spared, and this one must tell.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGTERM):
        try:
            os.kill(-1, number)
        except OSError:
            pass
    for number in (signal.SIGSTOP, signal.SIGKILL):
        # It spares whoever calls it, by the standard.
        try:
            os.kill(-1, number)
        except OSError:
            pass
    return None if os.getppid() == parent else f'the supervisor was {parent}, now it is {os.getppid()}'


@attack
def the_group_of_the_supervisor_is_signalled():
    only_confined()
    parent = os.getppid()
    group = os.getpgid(parent)
    if group in (0, os.getpgrp()):
        raise OSError(errno.ESRCH, 'it is not seen, or our own group')
    os.killpg(group, signal.SIGKILL)
    return None if os.getppid() == parent else f'it was {parent}, now it is {os.getppid()}'


main()
