# Privileges: what a program has, and what the kernel lets it try. Every call is one that does nothing where it is
# allowed: wrong magic numbers, no descriptor, no address.
import subprocess

STATUS = dict(line.split(':\t', 1) for line in read('/proc/self/status').decode().splitlines() if ':\t' in line)
EPERM = [errno.EPERM]


@attack
def it_is_root():
    ids = {os.getuid(), os.geteuid(), os.getgid(), os.getegid()}
    return f'{ids}' if 0 in ids else None


@attack
def it_has_groups():
    more = set(os.getgroups()) - {os.getgid(), 65534}
    return f'{more}' if more else None


@attack
def it_has_capabilities():
    sets = {name: STATUS[name].strip() for name in ('CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb')}
    # An ordinary user can't take from it where he has no user namespace: there no_new_privs holds alone.
    if not FACTS.get('bounded', True):
        sets.pop('CapBnd')
    return f'{sets}' if any(int(value, 16) for value in sets.values()) else None


@attack
def it_may_gain_privileges():
    return None if STATUS['NoNewPrivs'].strip() == '1' else 'no_new_privs is not set'


@attack
def it_has_no_filter():
    return None if STATUS['Seccomp'].strip() == '2' else 'no seccomp filter'


@attack
def it_becomes_root():
    return in_child(lambda: os.setuid(0) or f'uid {os.getuid()}')


@attack
def it_becomes_another():
    return in_child(lambda: os.setgid(12345) or f'gid {os.getgid()}')


@attack
def it_joins_groups():
    return in_child(lambda: os.setgroups([0]) or f'groups {os.getgroups()}')


@attack
def programs_that_give_privileges():
    for argv in (['su', '-c', 'id -u'], ['sudo', '-n', 'id', '-u'], ['unshare', '-Ur', 'id', '-u'], ['newgrp', 'root']):
        try:
            ran = subprocess.run(argv, capture_output=True, stdin=subprocess.DEVNULL, timeout=20)
        except OSError:
            continue
        if ran.stdout.strip() == b'0':
            return ' '.join(argv)


@attack
def a_setuid_bit_means_something():
    # Where programs can set it. What an image has set there is nothing by no_new_privs.
    for place in ('/workspace', '/tmp', '/dev/shm', *(() if FACTS['image'] else ('/', '/usr'))):
        if not os.statvfs(place).f_flag & os.ST_NOSUID:
            return f'{place} is mounted with setuid'


@attack
def devices_mean_something():
    for place in ('/workspace', '/tmp', '/dev/shm'):
        if not os.statvfs(place).f_flag & 4:
            return f'{place} is mounted with devices'


@attack
def a_device_is_made():
    os.mknod('device', stat.S_IFCHR | 0o666, os.makedev(1, 1))
    os.unlink('device')
    return '/dev/mem was made'


@attack
def a_file_is_given_away():
    open('given', 'w').close()
    os.chown('given', 0, 0)
    return f'to {os.stat("given").st_uid}' if os.getuid() else 'it is root'


def namespace(flag):
    return in_child(lambda: refused(EPERM, 272, flag))


@attack
def a_user_namespace():
    return namespace(0x10000000)


@attack
def a_mount_namespace():
    return namespace(0x00020000)


@attack
def a_network_namespace():
    return namespace(0x40000000)


@attack
def other_namespaces():
    for flag in (0x02000000, 0x04000000, 0x08000000, 0x20000000, 0x80):
        try:
            gained = namespace(flag)
        except OSError:
            continue
        if gained:
            return f'{flag:#x}: {gained}'


@attack
def a_namespace_by_clone():
    def clone():
        for flag in (0x10000000, 0x20000000, 0x40000000, 0x00020000):
            try:
                child = syscall(56, flag | 17, 0, 0, 0, 0)
            except OSError as error:
                if error.errno != errno.EPERM:
                    return f'{flag:#x}: {error}'
                continue
            if child == 0:
                os._exit(0)
            os.waitpid(child, 0)
            return f'clone gave a process with {flag:#x}'
    return in_child(clone)


@attack
def clone3():
    return refused([errno.ENOSYS], 435, 0, 0)


@attack
def a_namespace_is_entered():
    return refused(EPERM, 308, -1, 0)


@attack
def something_is_mounted():
    def mount():
        os.makedirs('mountpoint', exist_ok=True)
        arguments = [ctypes.c_char_p(a) for a in (b'none', b'mountpoint', b'tmpfs')]
        gained = refused(EPERM, 165, *arguments, 0, 0)
        if gained == 'it gave 0':
            syscall(166, ctypes.c_char_p(b'mountpoint'), 2)
        return gained
    return in_child(mount)


@attack
def something_is_unmounted():
    return refused(EPERM, 166, ctypes.c_char_p(b'nothing-here'), 0)


@attack
def another_root():
    def chroot():
        os.makedirs('jail', exist_ok=True)
        return refused(EPERM, 161, ctypes.c_char_p(b'jail'))
    return in_child(chroot)


@attack
def another_root_by_pivot():
    return refused(EPERM, 155, 0, 0)


CALLS = {
    'bpf': (321, -1, 0, 0), 'perf_event_open': (298, 0, 0, -1, -1, 0), 'userfaultfd': (323, 0x7fffffff),
    'io_uring_setup': (425, 0, 0), 'io_uring_enter': (426, -1, 0, 0, 0, 0), 'io_uring_register': (427, -1, 0, 0, 0),
    'keyctl': (250, 0x7fff, 0, 0, 0), 'add_key': (248, 0, 0, 0, 0, 0), 'request_key': (249, 0, 0, 0, 0),
    'ptrace': (101, 0x7fff, 0, 0, 0), 'process_vm_readv': (310, -1, 0, 0, 0, 0, 0),
    'process_vm_writev': (311, -1, 0, 0, 0, 0, 0), 'kexec_load': (246, 0, 1 << 20, 0, 0), 'kexec_file_load': (320, -1, -1, 0, 0, 0),
    'init_module': (175, 0, 0, 0), 'finit_module': (313, -1, 0, 0x7fff), 'delete_module': (176, 0, 0),
    'reboot': (169, 0, 0, 0, 0), 'swapon': (167, 0, 0), 'swapoff': (168, 0), 'acct': (163, 1),
    'settimeofday': (164, 1, 1), 'clock_settime': (227, 0x7fff, 0), 'adjtimex': (159, 0), 'syslog': (103, 0x7fff, 0, 0),
    'iopl': (172, 4), 'ioperm': (173, 0x7fffffff, 1, 1), 'kcmp': (312, 0, 0, 0x7fff, 0, 0),
    'pidfd_getfd': (438, -1, 0, 0), 'process_madvise': (440, -1, 0, 0, 0, 0x7fff), 'move_pages': (279, -1, 0, 0, 0, 0, 0),
    'migrate_pages': (256, -1, 0, 0, 0), 'quotactl': (179, 0x7fff, 0, 0, 0), 'fanotify_init': (300, 0x7fffffff, 0),
    'name_to_handle_at': (303, -1, 0, 0, 0, 0), 'sethostname': (170, 0, -1), 'setdomainname': (171, 0, -1),
    'fsopen': (430, 0, 0x7fff), 'open_tree': (428, -1, 0, 0x7ffff), 'move_mount': (429, -1, 0, -1, 0, 0x7fff),
    'fsconfig': (431, -1, 0, 0, 0, 0), 'fsmount': (432, -1, 0x7fff, 0), 'fspick': (433, -1, 0, 0x7fff),
    'mount_setattr': (442, -1, 0, 0x7fffff, 0, 0), 'vmsplice': (278, -1, 0, 0, 0),
    'lookup_dcookie': (212, 0, 0, 0), 'modify_ldt': (154, 0x7fff, 0, 0), 'mbind': (237, 1, 0, 0, 0, 0, 0), 'set_mempolicy': (238, 0x7fff, 0, 0),
}


@attack
def calls_that_no_program_needs():
    if os.uname().machine != 'x86_64':
        return 'their numbers are those of x86_64'
    through = []
    for name, (number, *arguments) in CALLS.items():
        try:
            gained = refused([errno.EPERM, errno.ENOSYS], number, *arguments)
        except OSError:
            continue
        through.append(f'{name}: {gained}')
    return '; '.join(through) or None


@attack
def calls_by_the_numbers_of_x32():
    # An unknown number to a kernel without x32; with it, getpid.
    return refused([errno.ENOSYS, errno.EPERM], 0x40000000 + 39)


@attack
def it_runs_before_others():
    return in_child(lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1)) or 'it is a real-time process')


@attack
def it_is_nicer_to_itself():
    return in_child(lambda: f'nice {os.setpriority(os.PRIO_PROCESS, 0, -20) or os.nice(0)}')


@attack
def it_is_killed_last():
    with open('/proc/self/oom_score_adj', 'r+') as file:
        file.write('-1000')
    return 'its OOM score is the least'


@attack
def its_limits_are_raised():
    import resource
    raised = []
    for name, most in (('NOFILE', 1024), ('FSIZE', 64 << 20), ('CORE', 1)):
        which = getattr(resource, 'RLIMIT_' + name)
        if resource.getrlimit(which)[1] not in range(most + 1):
            raised.append(f'{name} is {resource.getrlimit(which)}')
        try:
            resource.setrlimit(which, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            raised.append(name)
        except (OSError, ValueError):
            pass
    return f'{raised}' if raised else None


@attack
def the_hosts_name_is_changed():
    return in_child(lambda: refused(EPERM, 170, ctypes.c_char_p(os.uname().nodename.encode()), len(os.uname().nodename)))


@attack
def control_groups_are_written():
    import glob
    for path in glob.glob('/sys/fs/cgroup/**/cgroup.procs', recursive=True)[:200]:
        if os.access(path, os.W_OK):
            return path


main()
