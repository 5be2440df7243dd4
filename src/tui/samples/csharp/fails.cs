// Fails on purpose: the output tells where, and the exit code isn't 0.
using System;

class Program
{
    static int Share(int sweets, string[] children)
    {
        if (children.Length == 0)
            throw new ArgumentException("there is nobody to share with");
        return sweets / children.Length;
    }

    static void Main()
    {
        Console.WriteLine(Share(12, new[] { "Ada", "Alan", "Grace" }));
        Console.WriteLine(Share(12, new string[0]));
    }
}
