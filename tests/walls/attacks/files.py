# Files of the host, of another session and of other processes, without namespaces: names may be seen, nothing be opened.
import glob, subprocess


def each(paths, look):
    """What was gained from the first of these paths that gave anything."""
    for path in paths:
        try:
            gained = look(path)
        except OSError:
            continue
        if gained:
            return f'{path}: {gained}'


FILES = FACTS['canaries'] + FACTS['others']
PLACES = sorted({os.path.dirname(path) for path in FILES} | {os.path.dirname(os.path.dirname(path)) for path in FILES})


@control
def a_file_of_its_own_is_read_written_and_listed():
    for place in ('.', os.environ['TMPDIR'], os.environ['XDG_CACHE_HOME']):
        path = os.path.join(place, 'own')
        with open(path, 'w') as file:
            file.write(FACTS['token'])
        if 'own' not in os.listdir(place) or not found(read(path)):
            return place
        os.unlink(path)


@control
def a_child_of_its_own_reads():
    with open('own', 'w') as file:
        file.write(FACTS['token'])
    return None if TOKEN in subprocess.run(['cat', 'own'], capture_output=True).stdout else 'nothing was read'


@attack
def they_are_read():
    return each(FILES, lambda path: found(read(path)))


@attack
def they_are_read_by_a_child():
    return each(FILES, lambda path: found(subprocess.run(['cat', path], capture_output=True, timeout=20).stdout))


@attack
def they_are_read_through_links():
    def linked(path):
        if os.path.lexists('linked'):
            os.unlink('linked')
        os.symlink(path, 'linked')
        return found(read('linked')) or found(subprocess.run(['cat', 'linked'], capture_output=True).stdout)
    return each(FILES, linked)


@attack
def they_are_read_through_linked_directories():
    def linked(path):
        if os.path.lexists('directory'):
            os.unlink('directory')
        os.symlink(os.path.dirname(path), 'directory')
        return found(read('directory/' + os.path.basename(path)))
    return each(FILES, linked)


@attack
def they_are_read_through_processes():
    ways = [f'/proc/{pid}/{way}' for pid in [*pids(), 'self', 'thread-self'] for way in ('root', 'cwd', 'root/..')]
    return each([way + path for way in ways for path in FILES], lambda path: found(read(path)))


@attack
def they_are_read_from_where_one_has_gone():
    def gone_to(path):
        os.chdir(os.path.dirname(path))
        return found(read(os.path.basename(path)))
    return in_child(lambda: each(FILES, gone_to))


@attack
def they_are_read_by_a_handle_that_opens_nothing():
    def by_path(path):
        handle = os.open(path, os.O_PATH)
        return found(read(f'/proc/self/fd/{handle}'))
    return each(FILES, by_path)


@attack
def they_are_linked_into_the_workspace():
    def link(path):
        os.link(path, 'hard')
        return 'it was linked'
    return each(FILES, link)


@attack
def they_are_moved_into_the_workspace():
    def move(path):
        os.rename(path, 'moved')
        os.rename('moved', path)
        return 'it was moved'
    return each(FILES, move)


@attack
def something_is_moved_over_them():
    def move(path):
        with open('new', 'w') as file:
            file.write('new')
        os.rename('new', path)
        return 'it was replaced'
    return each(FILES, move)


@attack
def they_are_written():
    for flags in (os.O_WRONLY, os.O_RDWR, os.O_WRONLY | os.O_APPEND, os.O_WRONLY | os.O_TRUNC):
        gained = each(FILES, lambda path: os.close(os.open(path, flags)) or 'it was opened')
        if gained:
            return gained


@attack
def they_are_cut_off():
    return each(FILES, lambda path: os.truncate(path, 0) or 'it was')


@attack
def they_are_removed():
    return each(FILES, lambda path: os.unlink(path) or 'it was')


@attack
def something_is_put_beside_them():
    def put(place):
        for make in (lambda p: os.close(os.open(p, os.O_CREAT | os.O_EXCL | os.O_WRONLY)), os.mkdir, lambda p: os.symlink('x', p),
                     os.mkfifo, lambda p: socket_at(p)):
            try:
                make(os.path.join(place, 'planted'))
                return 'it was'
            except OSError:
                pass
    return each(PLACES, put)


def socket_at(path):
    syscall(133, ctypes.c_char_p(path.encode()), stat.S_IFSOCK | 0o600, 0)


@attack
def the_places_are_listed():
    return each(PLACES + ['/', '/root', '/home', '/tmp', '/var', '/run', '/dev', '/dev/shm', '/etc', '/srv', '/mnt'],
                lambda path: f'{os.listdir(path)[:3]}')


@attack
def the_places_are_listed_by_a_child():
    return each(PLACES, lambda path: subprocess.run(['ls', path], capture_output=True).stdout)


@attack
def files_of_the_system_that_are_not_everybodys():
    return each(['/etc/shadow', '/etc/gshadow', '/etc/sudoers', '/etc/hostname', '/etc/machine-id', '/etc/hosts' if not FACTS['network'] else '/nothing',
                 '/etc/fstab', '/root/.bashrc', '/root/.profile', '/etc/ssh/sshd_config'], lambda path: f'{len(read(path))} bytes')


@attack
def environments_of_others():
    others = [1, FACTS['engine'], FACTS['launcher'], FACTS['agent'], os.getppid(), *FACTS['pids']]
    return each([f'/proc/{pid}/environ' for pid in others], lambda path: f'{len(read(path))} bytes' if read(path) else None)


@attack
def secrets_in_environments():
    return each([f'/proc/{pid}/environ' for pid in [*pids(), 'self']], lambda path: secret_in(read(path)))


@attack
def memory_and_descriptors_of_others():
    others = [1, FACTS['engine'], FACTS['launcher'], FACTS['agent'], os.getppid(), *FACTS['pids']]

    def look(path):
        if path.endswith('map_files'):
            return f'{os.listdir(path)}'
        if path.endswith('fd'):
            # Their numbers can be listed, where the user is the same; what they are can't.
            return each([f'{path}/{number}' for number in os.listdir(path)], lambda one: os.readlink(one) or 'it is seen') \
                or each([f'{path}/{number}' for number in os.listdir(path)], lambda one: f'{os.open(one, os.O_RDONLY)} was opened')
        if path.endswith(('cwd', 'root', 'exe')):
            return os.readlink(path)
        if path.endswith(('io', 'auxv', 'maps')):
            # They can be opened by the same user; what is in them can't be read.
            return read(path)
        return f'{os.open(path, os.O_RDONLY)} was opened'
    return each([f'/proc/{pid}/{what}' for pid in others for what in ('mem', 'fd', 'map_files', 'maps', 'cwd', 'root', 'exe', 'auxv', 'io')], look) \
        or each([f'/proc/{pid}/{what}' for pid in others for what in ('mem', 'comm', 'oom_score_adj', 'clear_refs', 'timerslack_ns')],
                lambda path: f'{os.open(path, os.O_WRONLY)} was opened')


@attack
def its_own_limits_of_the_kernel_are_changed():
    return each(['/proc/self/oom_score_adj', '/proc/self/coredump_filter', '/proc/sys/kernel/core_pattern', '/proc/sysrq-trigger',
                 '/proc/sys/vm/drop_caches', '/sys/kernel/uevent_helper'], lambda path: os.close(os.open(path, os.O_WRONLY)) or 'it can be written')


@attack
def terminals_of_others():
    """Those of the same user could be read from: what somebody types, and what he sees."""
    names = [FACTS['terminal'], *glob.glob('/dev/pts/[0-9]*'), *(f'/dev/pts/{n}' for n in range(64)), '/dev/tty', '/dev/tty1', '/dev/console']
    return each(names, lambda path: os.close(os.open(path, os.O_RDWR | os.O_NOCTTY)) or 'it was opened') \
        or each(names, lambda path: os.close(os.open(path, os.O_RDONLY | os.O_NOCTTY)) or 'it was opened for reading')


@attack
def devices():
    return each(['/dev/mem', '/dev/kmsg', '/dev/kvm', '/dev/fuse', '/dev/net/tun', '/dev/vda', '/dev/sda', '/dev/loop-control', '/dev/vsock', '/dev/ptmx',
                 '/dev/shm/x', '/dev/mqueue/x'], lambda path: os.close(os.open(path, os.O_RDWR | os.O_CREAT)) or 'it was opened')


@attack
def programs_and_libraries_are_written():
    # Directories of the host, in any of which a program could be put, and what is installed for the session.
    return each(['/usr/bin/env', '/etc/passwd', '/etc/ld.so.cache', *FACTS['programs']], lambda path: os.close(os.open(path, os.O_WRONLY)) or 'it can be written') \
        or each(['/', '/usr/bin', '/usr/local/bin', '/etc', '/opt', *map(os.path.dirname, FACTS['programs'])],
                lambda path: os.close(os.open(path + '/planted', os.O_CREAT | os.O_EXCL | os.O_WRONLY)) or 'a file was made')


@attack
def descriptors_that_were_left_open():
    more = []
    for number in map(int, os.listdir('/proc/self/fd')):
        try:
            path = os.readlink(f'/proc/self/fd/{number}')
        except FileNotFoundError:
            continue
        if number > 2 and not path.endswith('.py') and not path.startswith(os.getcwd()) and path not in ('/dev/null',):
            more.append((number, path))
    # What an attack above could open for looking only, it may have kept.
    more = [one for one in more if one[1] not in FILES and not one[1].startswith('/proc/')]
    return f'{more}' if more else None


main()
