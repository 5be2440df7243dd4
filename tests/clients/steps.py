"""The documents' example and their commands, over Python's `websockets`. Usage: steps.py URL RUNTIME LANGUAGE."""
import asyncio
import json
import sys

import websockets

PROGRAMS = {
    ("python", "python"): ("hello.py", "print('hello', 6 * 7)", ["python3", "hello.py"]),
    ("javascript", "node"): ("hello.js", "console.log('hello', 6 * 7)", ["node", "hello.js"]),
    ("javascript", "bun"): ("hello.js", "console.log('hello', 6 * 7)", ["bun", "hello.js"]),
    # As the documents have it: without `run`.
    ("typescript", "deno"): ("hello.ts", "const n: number = 6 * 7; console.log('hello', n)", ["deno", "hello.ts"]),
}


async def main(url, runtime, language, program):
    file, code, argv = PROGRAMS[language, program]
    async with websockets.connect(url) as socket:
        last = 0

        async def call(method, params):
            nonlocal last
            last += 1
            await socket.send(json.dumps({"jsonrpc": "2.0", "id": last, "method": method, "params": params}))
            answer = json.loads(await asyncio.wait_for(socket.recv(), 60))
            assert answer["id"] == last and "error" not in answer, answer
            return answer["result"]

        session = await call("session.create", {"language": language, "runtimeType": runtime, "runtimePreference": "Speed"})
        assert session["runtimeType"] == runtime and session["environmentId"] and session["containerId"], session

        async def do(**command):
            return await call("session.execute", {"sessionId": session["sessionId"], "command": command})

        # The example of four steps: created above, written, executed, closed.
        written = await do(type="write_file", path=file, content=code, mode="Create")
        assert written["success"] and written["result"] == {"path": file, "bytes": len(code)}, written
        ran = await do(type="execute_shell", commandName=argv[0], args=argv[1:])
        assert ran["success"] and ran["result"]["stdout"] == "hello 42\n" and ran["result"]["exitCode"] == 0, ran
        ran = await do(type="execute_shell", commandName=argv[0], args=[f"/workspace/{file}"], workingDirectory="/workspace")
        assert ran["result"]["stdout"] == "hello 42\n", ran

        # Every other command of the documents.
        assert (await do(type="create_directory", path="data/deep", recursive=True))["success"]
        assert (await do(type="write_file", path="data/log.txt", content="eins\n", mode="Create"))["success"]
        assert (await do(type="write_file", path="data/log.txt", content="zwei é\n", mode="Append"))["success"]
        assert (await do(type="copy_file", sourcePath="data/log.txt", destinationPath="data/deep/copy.txt"))["success"]
        read = await do(type="read_file", path="/workspace/data/deep/copy.txt")
        assert read["result"]["content"] == "eins\nzwei é\n" and read["result"]["bytes"] == 13, read
        listed = await do(type="list_directory", path="data")
        assert [e["name"] for e in listed["result"]["entries"]] == ["deep", "log.txt"], listed
        assert (await do(type="delete_file", path="data/log.txt"))["success"]
        missing = await do(type="read_file", path="data/log.txt")
        assert missing["success"] is False and missing["result"] is None and "data/log.txt" in missing["error"], missing
        failed = await do(type="execute_shell", commandName="sh", args=["-c", "echo no >&2; exit 3"])
        assert failed["success"] is False and failed["result"]["exitCode"] == 3 and failed["result"]["stderr"] == "no\n"
        assert (await do(type="execute_code", code=code))["result"]["stdout"] == "hello 42\n"
        assert (await do(code=code))["result"]["stdout"] == "hello 42\n"

        listed = await call("session.list", {})
        assert session["sessionId"] in [s["sessionId"] for s in listed["sessions"]] and listed["count"] >= 1, listed
        closed = await call("session.close", {"sessionId": session["sessionId"]})
        assert closed == {"sessionId": session["sessionId"], "closed": True}, closed
        assert (await call("session.close", {"sessionId": session["sessionId"]}))["closed"] is True
    print("ok")


asyncio.run(main(*sys.argv[1:]))
