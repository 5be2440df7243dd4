// Counts words, the most frequent first.
using System;
using System.Linq;

class Program
{
    static void Main()
    {
        string text = "the cat and the hat and the bat saw the dog";
        var counts = text.Split(' ')
            .GroupBy(word => word)
            .OrderByDescending(group => group.Count())
            .ThenBy(group => group.Key, StringComparer.Ordinal);
        foreach (var group in counts.Take(3))
            Console.WriteLine($"{group.Key,-5} {new string('*', group.Count())} {group.Count()}");
    }
}
