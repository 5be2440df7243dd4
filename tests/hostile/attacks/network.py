# The network, as a program looks for it: every listener is the test's own, on this machine.


def reach(family, address, kind=socket.SOCK_STREAM):
    with socket.socket(family, kind) as one:
        one.settimeout(5)
        one.connect(address)
        one.send(b'hello from inside')
        return f'{address} was reached'


def local(address):
    return reach(socket.AF_UNIX, address)


@control
def its_own_loopback_works():
    with socket.socket() as listener, socket.socket() as one:
        listener.bind(('127.0.0.1', 0))
        listener.listen()
        one.settimeout(5)
        one.connect(listener.getsockname())
        listener.accept()[0].send(b'x')
        return None if one.recv(1) == b'x' else 'nothing came'


@control
def its_own_local_sockets_work():
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as one:
        listener.bind('/tmp/own.sock')
        listener.listen()
        one.connect('/tmp/own.sock')
    os.unlink('/tmp/own.sock')
    left, right = socket.socketpair()
    left.send(b'x')
    return None if right.recv(1) == b'x' else 'nothing came'


if FACTS['network']:
    @control
    def a_listener_of_the_host_is_reached_where_it_was_asked_for():
        reach(socket.AF_INET, tuple(FACTS['reach']))
else:
    @attack
    def a_listener_of_the_host():
        return reach(socket.AF_INET, tuple(FACTS['reach']))


# A container has a network of its own either way, in which this machine's loopback is nowhere.
if FACTS['image'] or not FACTS['network']:
    @attack
    def a_listener_on_the_loopback_of_the_host():
        return reach(socket.AF_INET, ('127.0.0.1', FACTS['tcp']))

    @attack
    def a_listener_of_the_host_by_other_names():
        for address in ('127.0.0.2', '0.0.0.0', '127.1', '::ffff:127.0.0.1', '::1'):
            try:
                return reach(socket.AF_INET6 if ':' in address else socket.AF_INET, (address, FACTS['tcp']))
            except OSError:
                pass

    @attack
    def a_listener_for_datagrams():
        # Sent into nothing, it fails only with the next.
        reach(socket.AF_INET, ('127.0.0.1', FACTS['udp']), socket.SOCK_DGRAM)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
            one.settimeout(1)
            one.connect(('127.0.0.1', FACTS['udp']))
            one.send(b'ping')
            return f'{one.recv(10)} came back'


if not FACTS['network']:
    @attack
    def the_neighbourhood():
        # Connecting a datagram socket sends nothing: it asks for a way there.
        for address in ('169.254.169.254', '192.0.2.1', '10.0.0.1', '172.17.0.1'):
            try:
                return reach_nothing(address)
            except OSError:
                pass

    @attack
    def interfaces():
        names = [name for _, name in socket.if_nameindex() if name != 'lo']
        return f'{names}' if names else None

    @attack
    def routes():
        lines = read('/proc/net/route').decode().splitlines()[1:]
        return f'{lines}' if lines else None


def reach_nothing(address):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.connect((address, 53))
        return f'there is a way to {address}, from {one.getsockname()[0]}'


@attack
def a_local_listener_of_the_host():
    return local(FACTS['unix'])


@attack
def an_abstract_listener_of_the_host():
    return local('\0' + FACTS['abstract'])


@attack
def services_of_the_host():
    for path in ('/var/run/docker.sock', '/run/docker.sock', '/run/systemd/private', '/run/dbus/system_bus_socket',
                 '/var/run/nscd/socket', '/tmp/.X11-unix/X0', '/run/containerd/containerd.sock'):
        try:
            return local(path)
        except OSError:
            pass


def no_family(family, kind, protocol=0, wanted=(errno.EPERM,)):
    try:
        socket.socket(family, kind, protocol).close()
    except OSError as error:
        if error.errno in wanted:
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
def raw_sockets_of_the_new_protocol():
    return no_family(socket.AF_INET6, socket.SOCK_RAW, 58)


@attack
def raw_sockets_with_flags():
    return no_family(socket.AF_INET, socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, 255)


@attack
def other_families():
    made = []
    for family in (9, 15, 21, 29, 30, 31, 38, 39, 41, 42, 43, 44):
        try:
            socket.socket(family, socket.SOCK_DGRAM if family in (29, 30, 31) else socket.SOCK_SEQPACKET).close()
            made.append(family)
        except OSError as error:
            if error.errno != errno.EPERM:
                made.append((family, errno.errorcode.get(error.errno)))
    return f'families {made} were let through' if made else None


@attack
def netlink_that_can_do_more_than_tell():
    made = []
    for protocol in (4, 6, 9, 12, 15, 16, 18, 20, 21):
        try:
            socket.socket(16, socket.SOCK_RAW, protocol).close()
            made.append(protocol)
        except OSError:
            pass
    return f'netlink protocols {made}' if made else None


@attack
def an_address_is_added():
    with socket.socket(16, socket.SOCK_RAW, 0) as one:
        one.settimeout(5)
        # RTM_NEWADDR 127.9.9.9/32 on no device: ENODEV where one may, EPERM where not.
        message = struct.pack('BBBBI', 2, 32, 0, 0, 0x7ffffff0) + struct.pack('HH4s', 8, 2, bytes([127, 9, 9, 9]))
        one.send(struct.pack('IHHII', 16 + len(message), 20, 0x605, 1, 0) + message)
        answer = one.recv(4096)
        number = -struct.unpack('i', answer[16:20])[0]
        if number == errno.EPERM:
            raise OSError(number, os.strerror(number))
        return f'the kernel looked at it ({errno.errorcode.get(number)})'


main()
