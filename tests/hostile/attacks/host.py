# The host's files, descriptors and secrets, as a program looks for them.
import glob

# As they were given, before any attack has opened more.
DESCRIPTORS = []
for number in map(int, os.listdir('/proc/self/fd')):
    try:
        DESCRIPTORS.append((number, os.readlink(f'/proc/self/fd/{number}')))
    except FileNotFoundError:
        pass  # that of the listing


def each(paths, look):
    """What was gained from the first of these paths that gave anything."""
    for path in paths:
        try:
            gained = look(path)
        except OSError:
            continue
        if gained:
            return f'{path}: {gained}'


@control
def a_file_of_its_own_is_read():
    with open('own', 'w') as file:
        file.write('mine')
    return None if read('/workspace/own') == b'mine' and os.getcwd() == '/workspace' else os.getcwd()


@attack
def canaries_are_read():
    return each(FACTS['canaries'], lambda path: found(read(path)))


@attack
def canaries_are_seen():
    return each(FACTS['canaries'], lambda path: f'stat gives {os.stat(path).st_size} bytes')


@attack
def canaries_are_written():
    def write(path):
        with open(path, 'r+b') as file:
            return f'{file.name} was opened for writing'
    return each(FACTS['canaries'], write)


@attack
def canaries_are_removed():
    def move(path):
        os.rename(path, path + '.moved')
        os.rename(path + '.moved', path)
        return 'it was renamed'
    return each(FACTS['canaries'], move)


@attack
def canaries_are_linked_into_the_workspace():
    def link(path):
        os.link(path, 'linked')
        gained = found(read('linked'))
        os.unlink('linked')
        return gained
    return each(FACTS['canaries'], link)


@attack
def canaries_through_roots_of_processes():
    ways = [f'/proc/{pid}/{way}' for pid in [*pids(), 'self', 'thread-self'] for way in ('root', 'cwd', 'root/..')]
    paths = [way + canary for way in ways for canary in FACTS['canaries']]
    return each(paths, lambda path: found(read(path)))


@attack
def canaries_through_descriptors_of_processes():
    gained = lambda path: each([path + canary for canary in FACTS['canaries']], lambda p: found(read(p)))
    return each(glob.glob('/proc/[0-9]*/fd/*') + glob.glob('/proc/[0-9]*/map_files/*'), gained)


@attack
def canaries_from_parents_of_everything():
    up = '../' * 40
    return each([up + canary.lstrip('/') for canary in FACTS['canaries']], lambda path: found(read(path)))


@attack
def canaries_by_file_handles():
    def by_handle(path):
        handle = ctypes.create_string_buffer(struct.pack('Ii', 128, 0) + bytes(128))
        mount = ctypes.c_int()
        checked(libc.name_to_handle_at(-100, path.encode(), handle, ctypes.byref(mount), 0))
        return 'a handle was given'
    return each([*FACTS['canaries'], '/', '/usr'], by_handle)


@attack
def file_handles_are_opened():
    handle = ctypes.create_string_buffer(struct.pack('IiIIQ', 8, 1, 2, 0, 0) + bytes(128))
    # EBADF, ESTALE: it is tried.
    return refused([errno.EPERM, errno.ENOSYS], 304, os.open('/', os.O_RDONLY), handle, os.O_RDONLY)


@attack
def the_shadow_file():
    return f'{len(read("/etc/shadow"))} bytes'


@attack
def passwd_is_the_hosts():
    users = [line.split(b':')[0] for line in read('/etc/passwd').splitlines()]
    return f'{len(users)} users' if len(users) > 5 else None


@attack
def private_places_of_the_host():
    if FACTS['image']:
        return places_that_are_not_the_images()
    # What the session's runtimes are in is there, and nothing beside it.
    def listed(path):
        names = [name for name in os.listdir(path)
                 if not any((program + '/').startswith(os.path.join(path, name) + '/') for program in FACTS['programs'])]
        return f'{names[:3]}' if names else None
    return each(['/root', '/home', '/run', '/var', '/sys', '/boot', '/srv', '/mnt', '/media', '/work', '/tmp'], listed)


def places_that_are_not_the_images():
    for path, place in FACTS['places'].items():
        try:
            seen = os.stat(path)
        except OSError:
            continue
        if [seen.st_dev, seen.st_ino] == place:
            return f'{path} is the directory of the host'
    # An image has nothing there, and the host has.
    return each(['/root', '/home', '/boot', '/srv', '/mnt', '/media', '/work', '/tmp'],
                lambda path: f'{os.listdir(path)[:3]}' if os.listdir(path) else None)


@attack
def the_hosts_settings():
    if FACTS['image']:
        # What it has under these names is its own, unless it says what the host's says.
        own = lambda path: set(read(path).decode().split('\n')) - {''}
        return each([path for path in FACTS['settings'] if not FACTS['network'] or path != '/etc/resolv.conf'],
                    lambda path: f'{own(path) & set(FACTS["settings"][path])}' if own(path) & set(FACTS['settings'][path]) else None)
    # Where the network was asked for, its names must be found.
    files = [] if FACTS['network'] else ['/etc/resolv.conf']
    files += ['/etc/hostname', '/etc/machine-id', '/etc/sudoers', '/etc/ssh/sshd_config', '/etc/fstab']
    return each(files, lambda path: f'{len(read(path))} bytes')


@attack
def the_mount_table_names_the_canary():
    table = read('/proc/self/mountinfo').decode()
    return next((line for line in table.splitlines() if FACTS['directory'] in line), None)


@attack
def devices_of_the_host():
    allowed = {'null', 'zero', 'full', 'random', 'urandom', 'fd', 'stdin', 'stdout', 'stderr', 'shm',
               'ptmx', 'pts'}
    if FACTS['image']:
        # The terminal of whoever has one, and a place for queues, which are refused.
        allowed |= {'tty', 'mqueue', 'core'}
    more = sorted(set(os.listdir('/dev')) - allowed)
    return f'{more[:5]}' if more else None


@attack
def terminals_of_the_host():
    names = set(os.listdir('/dev/pts')) - {'ptmx'}
    return f'{names}' if names else None


@attack
def memory_of_the_kernel():
    return each(['/dev/mem', '/dev/kmem', '/proc/kcore', '/dev/kmsg', '/proc/kmsg'],
                lambda path: f'{len(read(path, 64))} bytes' if read(path, 64) else None)


@attack
def keys_of_the_kernel():
    return each(['/proc/keys', '/proc/timer_list', '/proc/sched_debug'],
                lambda path: f'{len(read(path, 64))} bytes' if read(path, 64) else None)


@attack
def settings_of_the_kernel():
    paths = ['kernel/core_pattern', 'kernel/modprobe', 'vm/drop_caches', 'kernel/hostname', 'kernel/sysrq',
             'net/ipv4/ip_forward', 'fs/suid_dumpable']
    paths = ['/proc/sys/' + path for path in paths] + ['/proc/sysrq-trigger', '/sys/kernel/uevent_helper']
    return each(paths, lambda path: os.close(os.open(path, os.O_WRONLY)) or 'it can be written')


@attack
def other_places_are_written():
    name = f'.codebeaker-hostile-{os.getpid()}'

    def write(place):
        path = os.path.join(place, name)
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
        os.unlink(path)
        return 'a file was made'
    places = ['/', '/usr', '/usr/bin', '/usr/local', '/usr/local/bin', '/usr/lib', '/lib', '/bin', '/etc', '/opt', '/dev',
              '/proc', '/sys', '/var', '/run', '/home', '/root', '/mnt', '/sys/fs/cgroup']
    return each(places + glob.glob('/opt/*') + glob.glob('/etc/*/'), write)


@attack
def programs_of_the_host_are_opened_for_writing():
    paths = ['/usr/bin/env', '/usr/bin/cat', '/etc/passwd', '/etc/hosts', '/etc/ld.so.cache', *glob.glob('/opt/*/*')]
    return each(paths, lambda path: os.close(os.open(path, os.O_WRONLY)) or 'it can be written')


@attack
def its_own_environment_has_secrets():
    return secret_in('\n'.join(os.environ.values()).encode())


@attack
def environments_of_processes_have_secrets():
    return each(glob.glob('/proc/[0-9]*/environ') + ['/proc/self/environ'], lambda path: secret_in(read(path)))


@attack
def the_environment_of_the_first_process():
    return f'{len(read("/proc/1/environ"))} bytes' if read('/proc/1/environ') else None


@attack
def the_supervisors_environment():
    data = read(f'/proc/{os.getppid()}/environ')
    return secret_in(data)


@attack
def variables_beyond_what_a_session_has():
    ours = [name for name in os.environ if name.startswith(('CARGO', 'RUST', 'SSH', 'AWS', 'GITHUB', 'CODEBEAKER', 'XDG_RUNTIME',
                                                            'XDG_STATE', 'XDG_DATA', 'XDG_CONFIG', 'DBUS', 'SUDO'))]
    return f'{ours}' if ours else None


@attack
def memory_of_the_first_process():
    return f'{os.open("/proc/1/mem", os.O_RDONLY)} was opened'


@attack
def descriptors_that_were_left_open():
    # Python has its script open.
    more = [(number, path) for number, path in DESCRIPTORS if number > 2 and not path.endswith('.py')]
    return f'{more}' if more else None


@attack
def its_streams_lead_to_the_host():
    kinds = [stat.S_IFMT(os.fstat(number).st_mode) for number in (0, 1, 2)]
    return None if all(k in (stat.S_IFIFO, stat.S_IFCHR, stat.S_IFSOCK, stat.S_IFREG) for k in kinds) else f'{kinds}'


@attack
def a_terminal_is_typed_into():
    import fcntl
    if not confined():
        return 'not tried: it could be the terminal of the host'
    return each(['/dev/tty', '/dev/console', '/dev/pts/0', '/dev/tty1', '/proc/self/fd/0'],
                lambda path: fcntl.ioctl(os.open(path, os.O_RDWR | os.O_NOCTTY), 0x5412, b'x') and 'typed')


main()
