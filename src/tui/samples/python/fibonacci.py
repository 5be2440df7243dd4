# The same number twice: by calling itself, and step by step.
def recursive(n):
    return n if n < 2 else recursive(n - 1) + recursive(n - 2)


def stepwise(n):
    a, b = 0, 1
    for _ in range(n):
        a, b = b, a + b
    return a


print("fibonacci(25) =", recursive(25))
print("fibonacci(90) =", stepwise(90))
