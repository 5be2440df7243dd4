# Processes of the host, of another session, and those that watch over this one. They are seen, and nothing more.
import fcntl, resource

OTHERS = {'first': [1], 'engine': [FACTS['engine']], 'launcher': [FACTS['launcher']], 'agent': [FACTS['agent']], 'supervisor': [os.getppid()],
          'another session': FACTS['pids'], 'listener': [FACTS['observer']]}
# Whoever stands outside must bear these; whoever holds the session must bear any.
HARMLESS = [0, signal.SIGCONT, signal.SIGURG, signal.SIGWINCH]
DEADLY = [signal.SIGTERM, signal.SIGSTOP, signal.SIGTSTP, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGSEGV, signal.SIGKILL]
OURS = ('launcher', 'agent', 'supervisor')
WAYS = {
    'kill': os.kill,
    'tkill': lambda pid, n: syscall(200, pid, n),
    'tgkill': lambda pid, n: syscall(234, pid, pid, n),
    'sigqueue': lambda pid, n: syscall(129, pid, n, queued(n)),
    'pidfd': lambda pid, n: signal.pidfd_send_signal(os.pidfd_open(pid), n),
    'group': lambda pid, n: os.killpg(os.getpgid(pid), n),
}


def queued(number):
    # si_signo, si_errno, si_code (SI_QUEUE)
    return ctypes.create_string_buffer(struct.pack('iii', number, 0, -1) + bytes(116))


@control
def a_child_of_its_own_is_signalled():
    child = os.fork()
    if child == 0:
        time.sleep(100)
    for way in WAYS.values():
        if way is not WAYS['group']:
            way(child, 0)
    os.kill(child, signal.SIGKILL)
    return None if os.waitpid(child, 0)[1] == signal.SIGKILL else 'it did not end so'


def signalled(who):
    def tried():
        gained = []
        for pid in OTHERS[who]:
            for number in HARMLESS + (DEADLY if who in OURS else []):
                for name, way in WAYS.items():
                    # It could be our own group.
                    if name == 'group' and os.getpgid(pid) in (0, os.getpgrp()):
                        continue
                    try:
                        way(pid, number)
                        gained.append((name, pid, number))
                    except OSError:
                        pass
        return f'{gained[:6]}' if gained else None
    tried.__name__ = f'{who} is signalled'
    attack(tried)


for somebody in OTHERS:
    signalled(somebody)


@attack
def the_supervisor_is_there_yet():
    with open(f'/proc/{os.getppid()}/stat') as file:
        state = file.read().rpartition(')')[2].split()[0]
    return None if os.getppid() == PARENT and state in 'SR' else f'{os.getppid()} in state {state}, it was {PARENT}'


PARENT = os.getppid()


@attack
def they_are_signalled_by_a_descriptor():
    # F_SETOWN and F_SETSIG: the kernel sends the signal for us. Whoever gets it says so.
    for pid in [pid for pids in OTHERS.values() for pid in pids]:
        for number in (signal.SIGURG,):
            left, right = socket.socketpair()
            fcntl.fcntl(left, fcntl.F_SETOWN, pid)
            fcntl.fcntl(left, 10, number)
            fcntl.fcntl(left, fcntl.F_SETFL, fcntl.fcntl(left, fcntl.F_GETFL) | os.O_ASYNC)
            right.send(b'x')


@attack
def everybody_is_signalled_at_once():
    # Whoever gets it says so: those of whom it is known bear this one.
    try:
        os.kill(-1, signal.SIGURG)
    except OSError:
        pass


@attack
def they_are_made_slower():
    gained = []
    for name, pid in [(name, pid) for name, pids in OTHERS.items() for pid in pids]:
        for what, change in (('nice', lambda: os.setpriority(os.PRIO_PROCESS, pid, os.getpriority(os.PRIO_PROCESS, pid))),
                             ('processors', lambda: os.sched_setaffinity(pid, os.sched_getaffinity(pid))),
                             ('policy', lambda: os.sched_setscheduler(pid, os.SCHED_IDLE, os.sched_param(0))),
                             ('parameters', lambda: os.sched_setparam(pid, os.sched_param(0))),
                             ('attributes', lambda: syscall(314, pid, ctypes.create_string_buffer(struct.pack('IIQiIQQQ', 48, 0, 0, 0, 0, 0, 0, 0)), 0)),
                             ('disk', lambda: syscall(251, 1, pid, (2 << 13) | 4)),
                             ('limits', lambda: resource.prlimit(pid, resource.RLIMIT_NOFILE))):
            try:
                change()
                gained.append((name, what))
            except OSError:
                pass
    return f'{gained}' if gained else None


@attack
def all_of_its_user_are_made_slower():
    gained = []
    for which in (os.PRIO_USER, os.PRIO_PGRP):
        for who in (0, os.getuid(), os.getpgid(FACTS['agent'])):
            if which == os.PRIO_PGRP and who in (0, os.getuid(), os.getpgrp()):
                continue
            try:
                os.setpriority(which, who, 0)
                gained.append((which, who))
            except OSError:
                pass
    return f'{gained}' if gained else None


@control
def it_makes_itself_slower():
    os.setpriority(os.PRIO_PROCESS, 0, os.getpriority(os.PRIO_PROCESS, 0) + 1)
    os.sched_setaffinity(0, os.sched_getaffinity(0))


@attack
def they_are_looked_into():
    gained = []
    for name, pid in [(name, pid) for name, pids in OTHERS.items() for pid in pids]:
        for what, number, arguments in (('attach', 101, (16, pid, 0, 0)), ('seize', 101, (0x4206, pid, 0, 0)), ('read', 310, (pid, 0, 0, 0, 0, 0)),
                                        ('write', 311, (pid, 0, 0, 0, 0, 0)), ('compare', 312, (pid, os.getpid(), 0, 0, 0)), ('pages', 279, (pid, 0, 0, 0, 0, 0))):
            try:
                gained.append((name, what, refused([errno.EPERM], number, *arguments)))
            except OSError:
                pass
        try:
            gained.append((name, 'descriptor', refused([errno.EPERM], 438, os.pidfd_open(pid), 0, 0)))
        except OSError:
            pass
    return f'{gained}' if gained else None


main()
