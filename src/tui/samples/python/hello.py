# F5 runs this
squares = [n * n for n in range(1, 5)]
print("squares:", *squares)
