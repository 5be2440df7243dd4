// Never ends by itself: Ctrl-C stops it.
let beat = 0;
console.log("beat 0");
setInterval(() => {
  beat += 1;
  console.log("beat", beat);
}, 500);
