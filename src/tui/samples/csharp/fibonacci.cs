// The same number twice: by calling itself, and step by step.
using System;

class Program
{
    static int Recursive(int n) => n < 2 ? n : Recursive(n - 1) + Recursive(n - 2);

    static long Stepwise(int n)
    {
        long a = 0, b = 1;
        for (int i = 0; i < n; i++)
        {
            long next = a + b;
            a = b;
            b = next;
        }
        return a;
    }

    static void Main()
    {
        Console.WriteLine("fibonacci(25) = " + Recursive(25));
        Console.WriteLine("fibonacci(90) = " + Stepwise(90));
    }
}
