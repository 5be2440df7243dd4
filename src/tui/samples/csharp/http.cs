// A server and a request to it, over the session's own loopback: no network is needed.
using System;
using System.IO;
using System.Net;
using System.Net.Sockets;
using System.Threading;

class Program
{
    static void Serve(TcpListener listener)
    {
        using (var client = listener.AcceptTcpClient())
        using (var reader = new StreamReader(client.GetStream()))
        using (var writer = new StreamWriter(client.GetStream()))
        {
            string path = reader.ReadLine().Split(' ')[1];
            while (reader.ReadLine() != "") { }
            string body = "you asked for " + path;
            string head = $"HTTP/1.1 200 OK\r\nContent-Length: {body.Length}\r\nConnection: close";
            writer.Write(head + "\r\n\r\n" + body);
        }
    }

    static void Main()
    {
        var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        new Thread(() => Serve(listener)).Start();

        int port = ((IPEndPoint)listener.LocalEndpoint).Port;
        var request = (HttpWebRequest)WebRequest.Create($"http://127.0.0.1:{port}/greeting");
        request.Proxy = null;
        using (var answer = (HttpWebResponse)request.GetResponse())
        using (var reader = new StreamReader(answer.GetResponseStream()))
            Console.WriteLine($"{(int)answer.StatusCode} {reader.ReadToEnd()}");
        listener.Stop();
    }
}
