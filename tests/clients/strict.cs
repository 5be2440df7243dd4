// A client as strict as those of the original: one request at a time on one connection, messages read in slices that are
// decoded each by itself, answers deserialised into classes that take exactly what they were promised, commands with
// their type given twice. Usage: strict URL RUNTIME LANGUAGE PROGRAM FILE CODE.
using System;
using System.Collections.Generic;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Threading;
using System.Threading.Tasks;

class Session
{
    [JsonPropertyName("sessionId")] public string SessionId { get; set; }
    [JsonPropertyName("containerId")] public string ContainerId { get; set; }
    [JsonPropertyName("language")] public string Language { get; set; }
    [JsonPropertyName("createdAt")] public DateTime CreatedAt { get; set; }
    [JsonPropertyName("state")] public string State { get; set; }
}

class Executed
{
    [JsonPropertyName("success")] public bool Success { get; set; }
    [JsonPropertyName("result")] public JsonElement Result { get; set; }
    [JsonPropertyName("error")] public string Error { get; set; }
    [JsonPropertyName("durationMs")] public int DurationMs { get; set; }
}

class Fault
{
    [JsonPropertyName("code")] public int Code { get; set; }
    [JsonPropertyName("message")] public string Message { get; set; }
}

static class Strict
{
    static readonly ClientWebSocket Socket = new ClientWebSocket();
    static int last;

    static async Task<JsonElement> Call(string method, string parameters)
    {
        int id = ++last;
        string request = "{\"jsonrpc\":\"2.0\",\"id\":" + id + ",\"method\":\"" + method + "\",\"params\":" + parameters + "}\n";
        await Socket.SendAsync(Encoding.UTF8.GetBytes(request), WebSocketMessageType.Text, true, CancellationToken.None);
        var text = new StringBuilder();
        var slice = new byte[8192];
        WebSocketReceiveResult part;
        do
        {
            part = await Socket.ReceiveAsync(slice, CancellationToken.None);
            // A character cut in two would be lost here.
            text.Append(Encoding.UTF8.GetString(slice, 0, part.Count));
        } while (!part.EndOfMessage);
        Check(part.MessageType == WebSocketMessageType.Text, "a text message");
        string answer = text.ToString();
        Check(answer.EndsWith("}\n") && answer.IndexOf('\n') == answer.Length - 1, "one line");
        foreach (char c in answer) Check(c < 128, "ASCII");
        JsonElement root = JsonDocument.Parse(answer).RootElement;
        Check(root.GetProperty("id").GetInt32() == id, "the id");
        if (root.TryGetProperty("error", out JsonElement error) && error.ValueKind != JsonValueKind.Null)
        {
            Fault fault = JsonSerializer.Deserialize<Fault>(error.GetRawText());
            throw new Exception(fault.Code + ": " + fault.Message);
        }
        return root.GetProperty("result").Clone();
    }

    static void Check(bool holds, string what)
    {
        if (!holds) throw new Exception("not so: " + what);
    }

    static string Json(string text) => JsonSerializer.Serialize(text);

    static async Task<Executed> Do(string session, string type, string members)
    {
        // The first of these clients wrote the type twice.
        string command = "{\"type\":\"" + type + "\"," + members + ",\"type\":\"" + type + "\"}";
        JsonElement result = await Call("session.execute", "{\"sessionId\":" + Json(session) + ",\"command\":" + command + "}");
        return JsonSerializer.Deserialize<Executed>(result.GetRawText());
    }

    static async Task Main(string[] args)
    {
        string runtime = args[1], language = args[2], program = args[3], file = args[4], code = args[5];
        await Socket.ConnectAsync(new Uri(args[0]), CancellationToken.None);
        string create = "{\"language\":" + Json(language) + ",\"runtimeType\":" + Json(runtime)
            + ",\"idleTimeoutMinutes\":30,\"maxLifetimeMinutes\":120,\"memoryLimitMB\":512,\"cpuShares\":1024,"
            + "\"runtime\":" + Json(runtime.ToLowerInvariant()) + ",\"security\":{\"enableSandbox\":true},\"permissions\":[]}";
        Session session = JsonSerializer.Deserialize<Session>((await Call("session.create", create)).GetRawText());
        Check(session.SessionId.Length == 32 && !string.IsNullOrEmpty(session.ContainerId), "ids");
        Check(session.State == "Active" && session.Language == language, "a session as it was asked for");
        Check(Math.Abs((DateTime.UtcNow - session.CreatedAt.ToUniversalTime()).TotalMinutes) < 10, "a time");

        // Input and output by files of /workspace, as the pool of such clients does.
        Executed wrote = await Do(session.SessionId, "write_file", "\"path\":\"/workspace/input.json\",\"content\":" + Json("{\"x\": \"é\"}"));
        Check(wrote.Success, wrote.Error);
        wrote = await Do(session.SessionId, "write_file", "\"path\":" + Json("/workspace/" + file) + ",\"content\":" + Json(code) + ",\"mode\":0");
        Check(wrote.Success, wrote.Error);
        string arguments = program == "deno" ? "[\"run\"," + Json(file) + "]" : "[" + Json("/workspace/" + file) + "]";
        foreach (string type in new[] { "execute_shell", "shell" })
        {
            string name = type == "shell" ? "command" : "commandName";
            Executed ran = await Do(session.SessionId, type, "\"" + name + "\":" + Json(program) + ",\"args\":" + arguments + ",\"workingDirectory\":\"/workspace\"");
            Check(ran.Success && ran.DurationMs >= 0, ran.Error);
            Check(ran.Result.GetProperty("exitCode").GetInt32() == 0, "exit code 0");
            Check(ran.Result.GetProperty("stdout").GetString() == "made é\n", "its output");
        }
        Executed read = await Do(session.SessionId, "read_file", "\"path\":\"/workspace/output.json\"");
        Check(read.Success && read.Result.GetProperty("content").GetString() == "{\"x\": \"é\"}", "what was written");
        Executed execute = await Do(session.SessionId, "execute", "\"language\":\"\",\"code\":" + Json(code) + ",\"timeout\":30,\"memoryLimit\":512,\"cpuLimit\":1.0");
        Check(execute.Result.GetString() == "made é", "the bare output");
        Executed missing = await Do(session.SessionId, "read_file", "\"path\":\"/workspace/nope.json\"");
        Check(!missing.Success && missing.Error.Contains("/workspace/nope.json"), "a missing file");
        foreach (string alias in new[] { "create_dir", "create_directory" })
            Check((await Do(session.SessionId, alias, "\"path\":\"" + alias + "\"")).Success, alias);
        Check((await Do(session.SessionId, "list_files", "\"path\":\".\"")).Result.GetProperty("tree").GetProperty("children").GetArrayLength() >= 4, "a tree");
        JsonElement closed = await Call("session.close", "{\"sessionId\":" + Json(session.SessionId) + "}");
        Check(closed.GetProperty("closed").GetBoolean() && closed.GetProperty("sessionId").GetString() == session.SessionId, "closed");
        try { await Call("session.execute", "{\"sessionId\":\"nobody\",\"command\":{\"type\":\"shell\",\"command\":\"true\",\"args\":[]}}"); throw new Exception("no fault"); }
        catch (Exception e) when (e.Message.StartsWith("-32001")) { }
        await Socket.CloseAsync(WebSocketCloseStatus.NormalClosure, "", CancellationToken.None);
        Console.WriteLine("ok");
    }
}
