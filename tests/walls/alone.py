# Executes a program where no user namespace can be made, as the same user as before: argv is the program and its arguments.
import ctypes, os, sys

libc = ctypes.CDLL(None, use_errno=True)
me, user, group = os.getpid(), os.getuid(), os.getgid()
reading, writing = os.pipe()
helper = os.fork()
if helper == 0:
    os.close(writing)
    if not os.read(reading, 1):
        os._exit(1)
    with open(f'/proc/{me}/setgroups', 'w') as file:
        file.write('allow' if user == 0 else 'deny')
    for name, number in (('uid_map', user), ('gid_map', group)):
        with open(f'/proc/{me}/{name}', 'w') as file:
            file.write('0 0 4294967295' if user == 0 else f'{number} {number} 1')
    os._exit(0)
if libc.unshare(0x10000000) != 0:
    sys.exit(f'no user namespace: {os.strerror(ctypes.get_errno())}')
os.write(writing, b'x')
if os.waitpid(helper, 0)[1] != 0:
    sys.exit('the user namespace has no users')
with open('/proc/sys/user/max_user_namespaces', 'w') as file:
    file.write('0')
os.execv(sys.argv[1], sys.argv[1:])
