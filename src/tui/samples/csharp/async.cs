// Three waits at once take as long as the longest, not as long as all.
using System;
using System.Diagnostics;
using System.Threading.Tasks;

class Program
{
    static async Task<string> Cook(string dish, int ms)
    {
        await Task.Delay(ms);
        Console.WriteLine($"{dish} is done");
        return dish;
    }

    static void Main()
    {
        var clock = Stopwatch.StartNew();
        string[] dishes = Task.WhenAll(Cook("soup", 90), Cook("rice", 60), Cook("tea", 30)).Result;
        Console.WriteLine($"{string.Join(", ", dishes)}: {clock.ElapsedMilliseconds} ms instead of 180");
    }
}
