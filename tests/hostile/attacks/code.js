// The host's files, secrets and listeners, by the ways that JavaScript has. Runs on Deno, Bun and Node, in either module system.
// Each way must work on a file of the workspace first: else it proves nothing.
(async () => {
  const runtime = typeof Deno !== 'undefined' ? 'deno' : typeof Bun !== 'undefined' ? 'bun' : 'node';
  const fs = await import('node:fs');
  const { argv, cwd } = await import('node:process');
  const base = cwd();
  const { createRequire } = await import('node:module');
  const facts = JSON.parse(argv[2]);
  const tell = (attack, held, detail) => console.log(JSON.stringify({ attack, held, detail: String(detail || 'no reason').slice(0, 400) }));
  const within = (ms, promise) => {
    let timer;
    const late = new Promise((_, reject) => { timer = setTimeout(() => reject(new Error('it took too long')), ms); });
    return Promise.race([promise, late]).finally(() => clearTimeout(timer));
  };
  const worker = (path) => within(20000, new Promise(async (resolve, reject) => {
    const { Worker } = await import('node:worker_threads');
    const code = `const fs = require('node:fs'); const { parentPort } = require('node:worker_threads');
      let told; try { told = fs.readFileSync(${JSON.stringify(path)}, 'utf8'); } catch (e) { told = 'error ' + e; } parentPort.postMessage(told);`;
    const one = new Worker(code, { eval: true });
    one.on('message', (text) => { one.terminate(); resolve(text); });
    one.on('error', reject);
  }));
  const spawned = async (path) => (await import('node:child_process')).execFileSync('cat', [path], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  const stream = (path) => within(20000, new Promise((resolve, reject) => {
    let text = '';
    fs.createReadStream(path, 'utf8').on('data', (d) => { text += d; }).on('end', () => resolve(text)).on('error', reject);
  }));
  // Ways to read a file: [name, function, runtimes in which it is a way].
  const all = ['deno', 'bun', 'node'];
  const ways = [
    ['readFileSync', (p) => fs.readFileSync(p, 'utf8'), all],
    ['openSync', (p) => { const f = fs.openSync(p, 'r'); const b = Buffer.alloc(200); const n = fs.readSync(f, b); fs.closeSync(f); return b.toString('utf8', 0, n); }, all],
    ['promises', async (p) => (await import('node:fs/promises')).readFile(p, 'utf8'), all],
    ['streams', stream, all],
    ['copyFile', (p) => { fs.copyFileSync(p, 'copied'); return fs.readFileSync('copied', 'utf8'); }, all],
    ['a symbolic link', (p) => {
      fs.rmSync('linked', { force: true });
      fs.symlinkSync(p, 'linked');
      return fs.readFileSync('linked', 'utf8');
    }, ['bun', 'node']],
    ['a directory listing', (p) => fs.readdirSync(p.slice(0, p.lastIndexOf('/'))).includes(p.slice(p.lastIndexOf('/') + 1)) ? facts.token : '', all],
    ['a worker', worker, all],
    ['a child process', spawned, ['bun', 'node']],
    ['require', (p) => JSON.stringify(createRequire(base + '/x.js')(p)), all],
    ['import of JSON', async (p) => JSON.stringify((await import(p, { with: { type: 'json' } })).default), ['bun', 'deno', 'node']],
    ['import of code', async (p) => { const t = p.replace(/\.json$/, '.mjs'); return JSON.stringify((await import(t)).default); }, all],
  ];
  if (runtime === 'deno') {
    ways.push(['Deno.readTextFile', (p) => Deno.readTextFile(p), all]);
    ways.push(['Deno.open', async (p) => { const f = await Deno.open(p); const b = new Uint8Array(200); const n = await f.read(b); f.close(); return new TextDecoder().decode(b.subarray(0, n)); }, all]);
    ways.push(['fetch of a file', async (p) => (await fetch('file://' + p)).text(), all]);
    ways.push(['a worker with all rights', (p) => within(20000, new Promise((resolve, reject) => {
      const code = `try { self.postMessage(Deno.readTextFileSync(${JSON.stringify(p)})); } catch (e) { self.postMessage('error ' + e); }`;
      const one = new Worker('data:application/javascript,' + encodeURIComponent(code), { type: 'module' });
      one.onmessage = (m) => { one.terminate(); resolve(m.data); };
      one.onerror = (e) => { e.preventDefault(); reject(new Error(e.message)); };
    })), all]);
  }
  if (runtime === 'bun') {
    ways.push(['Bun.file', (p) => Bun.file(p).text(), all]);
    ways.push(['fetch of a file', async (p) => (await fetch('file://' + p)).text(), all]);
    ways.push(['the shell of Bun', (p) => Bun.$`cat ${p}`.quiet().text(), all]);
    ways.push(['Bun.spawn', (p) => { const r = Bun.spawnSync(['cat', p]); if (!r.success) throw new Error(r.stderr.toString()); return r.stdout.toString(); }, all]);
    ways.push(['Bun.mmap', (p) => new TextDecoder().decode(Bun.mmap(p)), all]);
    ways.push(['open by FFI', async (p) => {
      const { dlopen, ptr } = await import('bun:ffi');
      const libc = dlopen('libc.so.6', { open: { args: ['ptr', 'i32'], returns: 'i32' }, read: { args: ['i32', 'ptr', 'u64'], returns: 'i64' } }).symbols;
      const fd = libc.open(ptr(Buffer.from(p + '\0')), 0);
      if (fd < 0) throw new Error('open gave ' + fd);
      const buffer = Buffer.alloc(200);
      return buffer.toString('utf8', 0, Number(libc.read(fd, ptr(buffer), 200)));
    }, all]);
  }
  const own = base + '/own.json';
  fs.writeFileSync(own, JSON.stringify({ token: facts.token }));
  fs.writeFileSync(base + '/own.mjs', `export default ${JSON.stringify(facts.token)};`);
  let made = 0;
  for (const [name, way, runtimes] of ways) {
    if (!runtimes.includes(runtime)) continue;
    made++;
    try {
      const text = await way(own);
      tell(name + ' of its own file works', String(text).includes(facts.token), text);
    } catch (e) {
      tell(name + ' of its own file works', false, e && e.stack || e);
    }
    for (const path of [...facts.canaries, ...facts.canaries.map((p) => '/proc/1/root' + p), ...facts.canaries.map((p) => '/proc/self/root/proc/self/cwd/../..' + p)]) {
      made++;
      try {
        const text = await way(path);
        tell(`${path} by ${name}`, !String(text).includes(facts.token), text);
      } catch (e) {
        tell(`${path} by ${name}`, true, e && e.message || e);
      }
    }
  }
  const attempt = async (name, attack) => {
    made++;
    try {
      const gained = await within(20000, attack());
      tell(name, !gained, gained || 'nothing was gained');
    } catch (e) {
      tell(name, true, e && e.message || e);
    }
  };
  const secret = (text) => Object.entries(facts.secrets).filter(([, value]) => String(text).includes(value)).map(([key]) => key).join();
  await attempt('secrets in its environment', async () => secret(Object.values((await import('node:process')).env).join('\n')));
  await attempt('secrets in environments of processes', () => {
    for (const pid of fs.readdirSync('/proc').filter((n) => /^\d+$/.test(n))) {
      try {
        const gained = secret(fs.readFileSync(`/proc/${pid}/environ`, 'utf8'));
        if (gained) return Promise.resolve(`${pid}: ${gained}`);
      } catch { /* not this one */ }
    }
    return Promise.resolve('');
  });
  await attempt('the shadow file', async () => fs.readFileSync('/etc/shadow', 'utf8'));
  for (const path of ['/root', '/home', '/run', '/var', '/sys', '/work']) {
    const to = (name) => facts.programs.some((p) => (p + '/').startsWith(`${path}/${name}/`));
    await attempt(`${path} is listed`, async () => fs.readdirSync(path).filter((name) => !to(name)).join());
  }
  await attempt('a file in /usr', async () => { fs.writeFileSync('/usr/codebeaker-hostile', ''); fs.rmSync('/usr/codebeaker-hostile'); return 'it was written'; });
  const net = await import('node:net');
  const connected = (options) => new Promise((resolve, reject) => {
    const one = net.connect(options, () => { one.destroy(); resolve('it was reached'); });
    one.on('error', reject);
  });
  if (!facts.network) {
    await attempt('a listener of the host', () => connected({ host: '127.0.0.1', port: facts.tcp }));
    await attempt('a listener of the host by fetch', async () => { await fetch(`http://127.0.0.1:${facts.tcp}/`, { signal: AbortSignal.timeout(3000) }); return 'it was reached'; });
    if (runtime === 'deno') await attempt('a listener by Deno.connect', async () => { (await Deno.connect({ port: facts.tcp })).close(); return 'it was reached'; });
    if (runtime === 'bun') await attempt('a listener by Bun.connect', () => new Promise((resolve, reject) => Bun.connect({ hostname: '127.0.0.1', port: facts.tcp, socket: { open(s) { s.end(); resolve('it was reached'); }, data() {}, connectError(_, e) { reject(e); } } }).catch(reject)));
  } else {
    made++;
    try { tell('a listener of the host, as was asked for', (await connected({ host: '127.0.0.1', port: facts.tcp })) !== '', 'reached'); } catch (e) { tell('a listener of the host, as was asked for', false, e.message); }
  }
  await attempt('a local listener of the host', () => connected({ path: facts.unix }));
  if (runtime !== 'deno') await attempt('an abstract listener of the host', () => connected({ path: '\0' + facts.abstract }));
  await attempt('the socket of Docker', () => connected({ path: '/var/run/docker.sock' }));
  tell('end', true, made);
  (await import('node:process')).exit(0);
})();
