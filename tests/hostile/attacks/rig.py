# Put in front of every list of attacks. Each attack is a function: an error of the system or None means that it was
# held, anything else is what it gained. Prints a line of JSON each, and one at the end.
import ctypes, errno, json, os, select, signal, socket, stat, struct, sys, time

FACTS = json.loads(sys.argv[1])
TOKEN = FACTS['token'].encode()
ATTACKS = []
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long


def attack(function):
    ATTACKS.append(function)
    return function


def control(function):
    """What a program must be able to do: the attacks that are like it mean something then."""
    function.control = True
    return attack(function)


def checked(result):
    """What a C function gave; its error where it failed."""
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def syscall(number, *arguments):
    ctypes.set_errno(0)
    return checked(libc.syscall(ctypes.c_long(number), *[
        ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]))


def refused(wanted, number, *arguments):
    """A call that must fail with one of `wanted`; others mean that the kernel has looked at it."""
    try:
        got = syscall(number, *arguments)
    except OSError as error:
        if error.errno in wanted:
            raise
        return f'it was let through to the kernel ({errno.errorcode.get(error.errno)})'
    return f'it gave {got}'


def confined():
    """Whether processes are those of the session alone: what harms others is tried only then."""
    return os.readlink('/proc/self/ns/pid') != FACTS['pidns']


def in_child(function):
    """What `function` gives in a process of its own, which may do what it likes to itself."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writing, str(function() or '').encode()[:4000])
            os._exit(0)
        except OSError as error:
            os._exit(error.errno & 127 or 1)
        except BaseException as error:
            os.write(writing, ('broken: ' + repr(error)).encode())
            os._exit(0)
    os.close(writing)
    gained = b''
    while piece := os.read(reading, 4096):
        gained += piece
    os.close(reading)
    status = os.waitpid(child, 0)[1]
    if gained:
        return gained.decode()
    number = os.waitstatus_to_exitcode(status)
    if number:
        raise OSError(abs(number), os.strerror(number) if number > 0 else f'signal {-number}')


def found(data):
    """The canary in what was read."""
    if isinstance(data, str):
        data = data.encode(errors='replace')
    return f'the canary: {data[:80]!r}' if TOKEN in data else None


def secret_in(data):
    return next((f'{name} was read' for name, value in FACTS['secrets'].items() if value.encode() in data), None)


def read(path, size=1 << 20):
    with open(path, 'rb') as file:
        return file.read(size)


def pids():
    return sorted(int(name) for name in os.listdir('/proc') if name.isdigit())


def main():
    signal.alarm(100)
    for function in ATTACKS:
        must_work = getattr(function, 'control', False)
        try:
            got = function()
        except OSError as error:
            detail = f'{errno.errorcode.get(error.errno, "")} {error}'
            held = not must_work
        except Exception as error:
            held, detail = False, f'the attack itself is broken: {error!r}'
        else:
            held = got is None
            detail = 'nothing was gained' if held else str(got)
        name = function.__name__.replace('_', ' ')
        print(json.dumps({'attack': name, 'held': held, 'detail': detail}), flush=True)
    print(json.dumps({'attack': 'end', 'held': True, 'detail': str(len(ATTACKS))}), flush=True)
