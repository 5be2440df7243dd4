# Sockets, where the network is this machine's own: every listener is the test's, on this machine.


def reach(family, address, kind=socket.SOCK_STREAM):
    with socket.socket(family, kind) as one:
        one.settimeout(5)
        one.connect(address)
        one.send(b'hello from inside')
        return f'{address} was reached'


@control
def a_pair_of_sockets_works():
    left, right = socket.socketpair()
    left.send(b'x')
    return None if right.recv(1) == b'x' else 'nothing came'


if FACTS['network']:
    @control
    def a_listener_where_it_was_asked_for():
        reach(socket.AF_INET, ('127.0.0.1', FACTS['tcp']))

    @control
    def its_own_listener_where_it_was_asked_for():
        with socket.socket() as listener, socket.socket() as one:
            listener.bind(('127.0.0.1', 0))
            listener.listen()
            one.connect(listener.getsockname())
else:
    @attack
    def a_listener():
        return reach(socket.AF_INET, ('127.0.0.1', FACTS['tcp']))

    @attack
    def a_listener_of_the_new_protocol():
        return reach(socket.AF_INET6, ('::ffff:127.0.0.1', FACTS['tcp']))

    @attack
    def a_listener_for_datagrams():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
            one.sendto(b'ping', ('127.0.0.1', FACTS['udp']))
            return 'it was sent'

    @attack
    def sockets_of_any_kind():
        made = []
        for family in range(48):
            for kind in (1, 2, 3, 5):
                try:
                    socket.socket(family, kind).close()
                    made.append((family, kind))
                except OSError as error:
                    if error.errno != errno.EPERM:
                        made.append((family, kind, errno.errorcode[error.errno]))
        return f'{made[:8]}' if made else None


@attack
def a_local_listener():
    return reach(socket.AF_UNIX, FACTS['unix'])


@attack
def a_local_socket_for_datagrams():
    return reach(socket.AF_UNIX, FACTS['datagrams'], socket.SOCK_DGRAM)


@attack
def an_abstract_listener():
    return reach(socket.AF_UNIX, '\0' + FACTS['abstract'])


def by_a_pair(address, kind):
    left, right = socket.socketpair(socket.AF_UNIX, kind)
    try:
        if kind == socket.SOCK_SEQPACKET:
            raise OSError(errno.EISCONN, 'it would go to the other of the pair, whatever the address')
        left.sendto(b'hello by a pair', address)
        return f'{address} was sent to'
    except OSError:
        left.connect(address)
        return f'{address} was connected to'


@attack
def a_local_socket_by_one_of_a_pair():
    gained = []
    for kind in (socket.SOCK_DGRAM, socket.SOCK_RAW, socket.SOCK_STREAM, socket.SOCK_SEQPACKET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC):
        for address in (FACTS['datagrams'], '\0' + FACTS['datagram name'], FACTS['unix'], '\0' + FACTS['abstract']):
            try:
                gained.append(by_a_pair(address, kind))
            except OSError:
                pass
    return f'{gained}' if gained else None


@attack
def services_of_the_host():
    for path in ('/var/run/docker.sock', '/run/docker.sock', '/run/systemd/private', '/run/systemd/notify', '/dev/log',
                 '/run/dbus/system_bus_socket', '/var/run/nscd/socket', '/tmp/.X11-unix/X0', '/run/containerd/containerd.sock'):
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            try:
                return reach(socket.AF_UNIX, path, kind)
            except OSError:
                pass


def no_family(family, kind, protocol=0):
    try:
        socket.socket(family, kind, protocol).close()
    except OSError as error:
        if error.errno == errno.EPERM:
            raise
        return f'it was let through to the kernel ({errno.errorcode.get(error.errno)})'
    return 'a socket was made'


@attack
def vsock():
    return no_family(40, socket.SOCK_STREAM)


@attack
def packets():
    return no_family(17, socket.SOCK_RAW, 0x0300) or no_family(17, socket.SOCK_DGRAM)


@attack
def raw_sockets():
    return no_family(socket.AF_INET, socket.SOCK_RAW, 1)


@attack
def netlink_beyond_routes():
    return no_family(16, socket.SOCK_RAW, 15)


@attack
def memory_that_has_a_name():
    """System V's and messages: without a namespace of their own they would be the host's, and outlive the session."""
    made = []
    for name, number, arguments in (('shmget', 29, (0, 4096, 0o1666)), ('semget', 64, (0, 1, 0o1666)), ('msgget', 68, (0, 0o1666)),
                                    ('shmat', 30, (FACTS['segment'], 0, 0o10000)), ('shmctl', 31, (FACTS['segment'], 0, 0)),
                                    ('semctl', 66, (0, 0, 0)), ('msgctl', 71, (0, 0, 0)), ('semop', 65, (0, 0, 0)), ('semtimedop', 220, (0, 0, 0, 0)),
                                    ('msgsnd', 69, (0, 0, 0, 0)), ('msgrcv', 70, (0, 0, 0, 0, 0)),
                                    ('mq_open', 240, (ctypes.c_char_p(b'codebeaker'), os.O_RDWR | os.O_CREAT, 0o600, 0)),
                                    ('mq_unlink', 241, (ctypes.c_char_p(b'codebeaker'),))):
        try:
            gained = refused([errno.EPERM], number, *arguments)
        except OSError:
            continue
        made.append(f'{name}: {gained}')
    return '; '.join(made) or None


main()
