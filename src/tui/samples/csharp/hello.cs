// F5 runs this
using System;
using System.Linq;

class Program
{
    static void Main()
    {
        var squares = Enumerable.Range(1, 4).Select(n => n * n);
        Console.WriteLine("squares: " + string.Join(" ", squares));
    }
}
