// What a session of Node.js, Deno or Bun is asked through its code: a file command, or to run a program. `ask` stands
// above, with its name and arguments. Says how it went in the first line. Plain `import()`, as it is there in scripts
// and modules alike.
(async () => {
  const fs = await import("node:fs");
  const { Buffer } = await import("node:buffer");
  const say = (...lines) => console.log(lines.join("\n"));
  const { name, path } = ask;
  const there = (stat) => (at) => {
    try {
      return stat(at);
    } catch (error) {
      if (error.code !== "ENOENT" && error.code !== "ENOTDIR") throw error;
    }
  };
  const look = there(fs.lstatSync);
  const follow = there(fs.statSync);
  const parent = (at) => {
    const end = at.lastIndexOf("/");
    if (end > 0) fs.mkdirSync(at.slice(0, end), { recursive: true });
  };
  const does = {
    write() {
      if (follow(path)?.isDirectory()) return say("directory");
      parent(path);
      const content = Buffer.from(ask.content, "base64");
      if (ask.append) fs.appendFileSync(path, content);
      else fs.writeFileSync(path, content);
      say("ok");
    },
    read() {
      const stat = follow(path);
      if (!stat) return say("missing");
      if (stat.isDirectory()) return say("directory");
      if (!stat.isFile()) return say("irregular");
      const content = fs.readFileSync(path);
      say("ok", content.length, content.subarray(0, ask.most).toString("base64"));
    },
    make() {
      if (!ask.deep && look(path)) return say("exists");
      fs.mkdirSync(path, { recursive: ask.deep });
      say("ok");
    },
    copy() {
      const [from, to] = [follow(path), follow(ask.to)];
      if (!from) return say("missing");
      if (from.isDirectory() || to?.isDirectory()) return say("directory");
      if (to && !ask.over) return say("exists");
      parent(ask.to);
      fs.copyFileSync(path, ask.to);
      say("ok", follow(ask.to).size);
    },
    delete() {
      const stat = look(path);
      if (!stat) return say("missing");
      if (stat.isDirectory() && !ask.deep && fs.readdirSync(path).length) return say("full");
      if (stat.isDirectory() && !ask.deep) fs.rmdirSync(path);
      else fs.rmSync(path, { recursive: ask.deep });
      say("ok");
    },
    list() {
      const stat = follow(path);
      if (!stat) return say("missing");
      if (!stat.isDirectory()) return say("plain");
      const lines = [];
      const walk = (at, below, depth) => {
        for (const entry of fs.readdirSync(at).sort()) {
          if (lines.length >= ask.most) return;
          if (entry.startsWith(".") && !ask.hidden) continue;
          const here = look(`${at}/${entry}`);
          if (!here) continue;
          lines.push(`${here.mode.toString(16)} ${here.size} ${Math.floor(here.mtimeMs / 1000)} ${below}${entry}`);
          if (here.isDirectory() && depth > 1) walk(`${at}/${entry}`, `${below}${entry}/`, depth - 1);
        }
      };
      walk(path, "./", ask.depth);
      say("ok", ...lines);
    },
    async run() {
      const { spawnSync } = await import("node:child_process");
      const { default: process } = await import("node:process");
      const root = process.cwd();
      const here = (text) => text.replace(/^\/workspace(?=\/|$)/, root);
      const [program, ...args] = ask.argv.map(here);
      const env = Object.entries(ask.env).map(([name, value]) => [name, here(value)]);
      const ended = spawnSync(program || process.execPath, args, {
        cwd: ask.cwd,
        env: { ...process.env, ...Object.fromEntries(env) },
        input: Buffer.from(ask.stdin, "base64"),
        timeout: ask.timeout,
        killSignal: "SIGKILL",
        maxBuffer: ask.most,
      });
      const { error, signal, status, stdout, stderr } = ended;
      if (error?.code === "ENOENT" || error?.code === "EACCES") return say("unstarted", error.code);
      const how = error?.code === "ETIMEDOUT" ? "late" : (signal ?? status);
      const cut = error?.code === "ENOBUFS" ? " cut" : "";
      const output = [stdout, stderr].map((bytes) => (bytes ?? "").toString("base64"));
      say("ok", `${how}${cut}`, ...output);
    },
  };
  try {
    await does[name]();
  } catch (error) {
    say("failed", String(error.message ?? error).split("\n")[0]);
  }
})();
