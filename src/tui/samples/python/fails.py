# Fails on purpose: the output tells where, and the exit code isn't 0.
def share(sweets, children):
    if not children:
        raise ValueError("there is nobody to share with")
    return sweets // len(children)


print(share(12, ["Ada", "Alan", "Grace"]))
print(share(12, []))
