// Reads what you type: choose the output, press i, type a name and Enter; Ctrl-D ends the input.
using System;

class Program
{
    static void Main()
    {
        int greeted = 0;
        Console.WriteLine("What is your name?");
        string name;
        while ((name = Console.ReadLine()) != null)
        {
            Console.WriteLine($"Hello, {name.Trim()}!");
            greeted++;
        }
        Console.WriteLine("greeted: " + greeted);
    }
}
