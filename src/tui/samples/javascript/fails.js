// Fails on purpose: the output tells where, and the exit code isn't 0.
function share(sweets, children) {
  if (children.length === 0) {
    throw new Error("there is nobody to share with");
  }
  return sweets / children.length;
}

console.log(share(12, ["Ada", "Alan", "Grace"]));
console.log(share(12, []));
