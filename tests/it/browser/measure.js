// Looks at the page in the frame as a reader does, and writes what it finds, a line for each complaint.

// WCAG 2.2, 1.4.3: text of ordinary size.
const LEAST_CONTRAST = 4.5;
// Rounding of layouts is no overlap.
const A_LITTLE = 1;

function colour(text) {
  return text.match(/[\d.]+/g).map(Number);
}

function luminance([red, green, blue]) {
  const linear = [red, green, blue].map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
}

function ground(element) {
  for (let at = element; at; at = at.parentElement) {
    const found = colour(getComputedStyle(at).backgroundColor);
    if (found.length < 4 || found[3] > 0) return found;
  }
  return [255, 255, 255];
}

function contrast(element) {
  const pair = [luminance(colour(getComputedStyle(element).color)), luminance(ground(element))];
  return (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
}

function texts(page) {
  const found = [];
  const walker = page.createTreeWalker(page.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const range = page.createRange();
    range.selectNodeContents(walker.currentNode);
    const boxes = [...range.getClientRects()].filter((box) => box.width > 0);
    const text = walker.currentNode.textContent.trim();
    if (text && boxes.length) found.push({ text: text.slice(0, 40), element: walker.currentNode.parentElement, boxes });
  }
  return found;
}

// Meta's constants and badge texts must not wrap within a word; a constant within a sentence may wrap after an
// underscore. Names of businesses may wrap anywhere.
function brokenWords(page) {
  const broken = [];
  const walker = page.createTreeWalker(page.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode;
    const isBadge = node.parentElement.closest(".badge");
    if (!isBadge && node.parentElement.closest("bdi")) continue;
    const words = isBadge ? /\S+/g : /[A-Z][A-Z0-9]{2,}_?/g;
    for (const word of node.textContent.matchAll(words)) {
      const range = page.createRange();
      range.setStart(node, word.index);
      range.setEnd(node, word.index + word[0].length);
      const lines = new Set([...range.getClientRects()].filter((box) => box.width > 0).map((box) => Math.round(box.top)));
      if (lines.size > 1) broken.push(word[0]);
    }
  }
  return broken;
}

function overlap(one, other) {
  const width = Math.min(one.right, other.right) - Math.max(one.left, other.left);
  const height = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top);
  return width > A_LITTLE && height > A_LITTLE;
}

function complaints(page, found) {
  const width = page.documentElement.clientWidth;
  const all = [];
  for (const element of page.body.querySelectorAll("*")) {
    const box = element.getBoundingClientRect();
    if (box.right > width + A_LITTLE || box.left < -A_LITTLE) all.push(`wider than the page: ${element.tagName} ${element.className}`);
  }
  if (page.documentElement.scrollWidth > width) all.push("scrolls sideways");
  for (const word of brokenWords(page)) all.push(`broken word: ${word}`);
  for (const { text, element } of found) {
    const ratio = contrast(element);
    if (ratio < LEAST_CONTRAST) all.push(`contrast ${ratio.toFixed(2)}: ${text}`);
  }
  found.forEach((one, place) => {
    for (const other of found.slice(place + 1)) {
      if (one.boxes.some((box) => other.boxes.some((its) => overlap(box, its)))) all.push(`overlap: ${one.text} / ${other.text}`);
    }
  });
  return all;
}

addEventListener("load", () => {
  const lines = [];
  for (const frame of document.querySelectorAll("iframe")) {
    const page = frame.contentDocument;
    const found = texts(page);
    lines.push(
      `width ${page.documentElement.clientWidth}`,
      `ground ${ground(page.body).slice(0, 3)}`,
      `texts ${found.length}`,
      ...complaints(page, found).map((complaint) => `complaint ${complaint}`),
    );
  }
  document.querySelector("pre").textContent = lines.join("\n");
});
