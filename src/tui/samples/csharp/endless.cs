// Never ends by itself: Ctrl-C stops it.
using System;
using System.Threading;

class Program
{
    static void Main()
    {
        for (int beat = 0; ; beat++)
        {
            Console.WriteLine("beat " + beat);
            Thread.Sleep(500);
        }
    }
}
