# The host's files by the ways that Python has, beyond plain reading. Each must work on a file of the workspace first.
import ctypes.util, importlib.util, mmap, multiprocessing, runpy, shutil, subprocess, threading

OWN = os.path.abspath('own.json')
with open(OWN, 'w') as file:
    json.dump({'token': FACTS['token']}, file)
with open('own.py', 'w') as file:
    file.write(f'token = {FACTS["token"]!r}')


def by_mapping(path):
    with open(path, 'rb') as file:
        return bytes(mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ))


def by_sending(path):
    left, right = socket.socketpair()
    with open(path, 'rb') as file:
        os.sendfile(left.fileno(), file.fileno(), 0, 200)
    return right.recv(200)


def by_copying(path):
    return read(shutil.copy(path, 'copied'))


def by_linking(path):
    if os.path.lexists('linked'):
        os.unlink('linked')
    os.symlink(path, 'linked')
    return read('linked')


def by_another_program(path):
    return subprocess.run(['cat', path], capture_output=True, timeout=20, check=True).stdout


def by_a_shell(path):
    return subprocess.run(f'exec 3<{path}; cat <&3', shell=True, capture_output=True, timeout=20, check=True).stdout


def by_a_thread(path):
    told = []
    thread = threading.Thread(target=lambda: told.append(read(path)) if os.path.exists(path) else None)
    thread.start()
    thread.join()
    return told[0] if told else b''


def by_another_process(path):
    reading, writing = os.pipe()
    child = multiprocessing.get_context('fork').Process(target=lambda: os.write(writing, read(path, 200)))
    child.start()
    child.join()
    os.close(writing)
    return os.read(reading, 200)


def by_the_c_library(path):
    fd = checked(libc.open(path.encode(), 0))
    buffer = ctypes.create_string_buffer(200)
    checked(libc.read(fd, buffer, 199))
    return buffer.value


def by_a_relative_way(path):
    directory = os.open('.', os.O_RDONLY | os.O_DIRECTORY)
    return os.read(os.open('../' * 30 + path.lstrip('/'), os.O_RDONLY, dir_fd=directory), 200)


WAYS = [by_mapping, by_sending, by_copying, by_linking, by_another_program, by_a_shell, by_a_thread, by_another_process,
        by_the_c_library, by_a_relative_way]


@control
def its_own_file_in_every_way():
    failed = [way.__name__ for way in WAYS if TOKEN not in way(OWN)]
    module = importlib.util.spec_from_file_location('own', os.path.abspath('own.py'))
    imported = importlib.util.module_from_spec(module)
    module.loader.exec_module(imported)
    if imported.token != FACTS['token']:
        failed.append('import')
    return f'{failed}' if failed else None


def attacks(way):
    def tried():
        for path in FACTS['canaries']:
            try:
                gained = found(way(path))
            except (OSError, subprocess.SubprocessError):
                continue
            if gained:
                return f'{path}: {gained}'
    tried.__name__ = 'canaries ' + way.__name__
    attack(tried)


for each_way in WAYS:
    attacks(each_way)


@attack
def canaries_by_import():
    for path in FACTS['canaries']:
        try:
            return f'{runpy.run_path(path.replace(".json", ".mjs"))}'
        except SyntaxError as error:
            return f'{path} was read: {error}'
        except OSError:
            pass


@attack
def canaries_by_an_error_that_shows_the_line():
    import linecache
    for path in FACTS['canaries']:
        gained = found(''.join(linecache.getlines(path)))
        if gained:
            return gained


main()
