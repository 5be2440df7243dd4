// Files stay in the session: run it twice, then look at them in the pane of files.
using System;
using System.IO;

class Program
{
    static void Main()
    {
        File.WriteAllLines("notes.txt", new[] { "milk", "bread", "apples" });
        File.AppendAllText("runs.log", "one more run\n");

        int lines = File.ReadAllLines("notes.txt").Length;
        int runs = File.ReadAllLines("runs.log").Length;
        Console.WriteLine($"notes.txt has {lines} lines");
        Console.WriteLine($"this was run {runs} time(s) in this session");
    }
}
