/**
 * Letters drawn as strokes, for labels in pictures. Text in SVG needs fonts that a container or a server may not have
 * (it then shows boxes), and looks different on every machine; strokes are the same bytes everywhere.
 */

/** How a line of text is drawn. */
export interface LetteringStyle {
  /** Height of a capital letter in pixels. */
  readonly capHeight: number;
  /** Thickness of the strokes in pixels. */
  readonly thickness: number;
  /** An SVG colour. */
  readonly colour: string;
}

/** Width of a line of text in pixels. */
export function letteringWidth(text: string, { capHeight, thickness }: LetteringStyle): number {
  const units = [...text].reduce((sum, letter) => sum + advance(letter), 0);
  return (Math.max(0, units - SPACING) * capHeight) / CAP_UNITS + thickness;
}

/**
 * A line of text as an SVG element. Printable ASCII has letters; any other character is an empty box.
 *
 * @param at left end of the baseline, in pixels
 */
export function lettering(
  text: string,
  at: { readonly x: number; readonly y: number },
  { capHeight, thickness, colour }: LetteringStyle,
): string {
  const scale = capHeight / CAP_UNITS;
  let offset = 0;
  const letters = [...text].map((letter) => {
    const path = `<path transform="translate(${round(offset)})" d="${glyph(letter).path}"/>`;
    offset += advance(letter);
    return path;
  });
  const place = `translate(${round(at.x + thickness / 2)} ${round(at.y - capHeight)}) scale(${round(scale)})`;
  const pen = `stroke="${colour}" stroke-width="${round(thickness / scale)}" stroke-linecap="round" stroke-linejoin="round"`;
  return `<g transform="${place}" fill="none" ${pen}>${letters.join("")}</g>`;
}

interface Glyph {
  readonly width: number;
  readonly path: string;
}

/** Capitals stand from y = 0 to the baseline at 7, small letters from 2; descenders reach 9. */
const CAP_UNITS = 7;
const SPACING = 2;

function advance(letter: string): number {
  return glyph(letter).width + SPACING;
}

function glyph(letter: string): Glyph {
  return GLYPHS.get(letter) ?? BOX;
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}

const BOX: Glyph = { width: 4, path: "M0 0H4V7H0Z" };
/** The round of b, d, g, o, p and q. */
const BOWL = "M0 4.5A2 2.5 0 1 1 4 4.5A2 2.5 0 1 1 0 4.5Z";

/** A line a letter: the letter, its width, its strokes as SVG path data. */
const DRAWN = `
! 0 M0 0V4.8M0 6.9V7
" 1.6 M0 0V1.8M1.6 0V1.8
# 4.6 M1.5 .3L.8 6.7M3.8 .3L3.1 6.7M.3 2.4H4.6M0 4.6H4.3
$ 4 M3.8 1.8Q3.4 .8 2 .8Q.2 .8 .2 2.2Q.2 3.2 2 3.5Q4 3.8 4 5Q4 6.3 2 6.3Q.4 6.3 0 5.2M2 -.3V7.4
% 6 M5 0L1 7M0 1.6A1.2 1.6 0 1 1 2.4 1.6A1.2 1.6 0 1 1 0 1.6ZM3.6 5.4A1.2 1.6 0 1 1 6 5.4A1.2 1.6 0 1 1 3.6 5.4Z
& 5.2 M5.2 7L1.2 2.6Q.6 0 2.2 0Q3.8 0 3.5 1.7Q3.2 2.7 1.4 3.5Q0 4.2 0 5.3Q.1 7 2 7Q4 7 4.8 4
' 0 M0 0V1.8
( 1.4 M1.4 -.6Q0 1 0 3.6Q0 6.2 1.4 8
) 1.4 M0 -.6Q1.4 1 1.4 3.6Q1.4 6.2 0 8
* 3.4 M1.7 .2V3.8M.1 1.1L3.3 2.9M3.3 1.1L.1 2.9
+ 4 M2 2V6M0 4H4
, .6 M.6 6.6L.1 8.2
- 2.6 M0 4.2H2.6
. 0 M0 6.9V7
/ 2.8 M2.8 -.3L0 7.6
0 4.2 M0 3.5A2.1 3.5 0 1 1 4.2 3.5A2.1 3.5 0 1 1 0 3.5Z
1 2.4 M0 1.3L2 0V7
2 4 M.1 1.8Q.4 0 2 0Q3.9 0 3.9 1.9Q3.9 3 2.8 4.1L0 7H4
3 4 M.2 1.3Q.7 0 2 0Q3.8 0 3.8 1.7Q3.8 3.3 1.7 3.3Q4 3.4 4 5.1Q4 7 2 7Q.5 7 0 5.6
4 4.4 M3.3 7V0L0 4.9H4.4
5 4 M3.6 0H.7L.4 3.1Q1 2.6 2 2.6Q4 2.7 4 4.8Q4 7 2 7Q.5 7 0 5.8
6 4 M3.6 1Q3.2 0 2.1 0Q0 .2 0 4.2Q0 7 2 7Q4 7 4 4.8Q4 2.8 2.1 2.8Q.4 2.8 0 4.6
7 4 M0 0H4Q2 3 1.5 7
8 4 M2 3.3Q.3 3.2 .3 1.6Q.4 0 2 0Q3.6 0 3.7 1.6Q3.7 3.2 2 3.3Q0 3.5 0 5.2Q.1 7 2 7Q3.9 7 4 5.2Q4 3.5 2 3.3Z
9 4 M.4 6Q.8 7 1.9 7Q4 6.8 4 2.8Q4 0 2 0Q0 0 0 2.2Q0 4.2 1.9 4.2Q3.6 4.2 4 2.4
: 0 M0 2.9V3M0 6.9V7
; .6 M.6 2.9V3M.6 6.6L.1 8.2
< 3.6 M3.6 1.8L0 4L3.6 6.2
= 4 M0 3H4M0 5H4
> 3.6 M0 1.8L3.6 4L0 6.2
? 3.4 M0 1.4Q.4 0 1.8 0Q3.4 0 3.4 1.6Q3.4 2.7 2.3 3.2Q1.6 3.6 1.6 4.9M1.6 6.9V7
@ 6.2 M4.6 2.4V4.6Q4.7 5.6 5.4 5.4Q6.2 5 6.2 3.6Q6.1 .4 3.1 .4Q0 .6 0 4Q.1 7.6 3.2 7.7Q4.4 7.7 5.2 7.2M4.6 3.9A1.4 1.7 0 1 1 1.8 3.9A1.4 1.7 0 1 1 4.6 3.9Z
A 5 M0 7L2.5 0L5 7M.9 4.6H4.1
B 4.2 M0 0V7H2.2Q4.2 7 4.2 5.1Q4.2 3.4 2.2 3.3Q3.8 3.2 3.8 1.7Q3.8 0 2.1 0ZM0 3.3H2.2
C 4.8 M4.8 1.5Q4.2 0 2.7 0Q0 0 0 3.5Q0 7 2.7 7Q4.2 7 4.8 5.5
D 4.7 M0 0V7H1.9Q4.7 7 4.7 3.5Q4.7 0 1.9 0Z
E 3.7 M3.7 0H0V7H3.7M0 3.4H3.2
F 3.6 M3.6 0H0V7M0 3.4H3.1
G 5 M4.7 1.4Q4.1 0 2.7 0Q0 0 0 3.5Q0 7 2.7 7Q5 7 5 4.6V3.8H3
H 4.6 M0 0V7M4.6 0V7M0 3.4H4.6
I 0 M0 0V7
J 2.8 M2.8 0V5Q2.8 7 1.3 7Q.3 7 0 6.2
K 4.3 M0 0V7M4.1 0L0 4M1.6 2.6L4.3 7
L 3.5 M0 0V7H3.5
M 5.8 M0 7V0L2.9 4.6L5.8 0V7
N 4.7 M0 7V0L4.7 7V0
O 5.4 M0 3.5A2.7 3.5 0 1 1 5.4 3.5A2.7 3.5 0 1 1 0 3.5Z
P 4 M0 7V0H2Q4 0 4 2Q4 4 2 4H0
Q 5.4 M0 3.5A2.7 3.5 0 1 1 5.4 3.5A2.7 3.5 0 1 1 0 3.5ZM3.2 5.2L5.4 7.6
R 4.3 M0 7V0H2.1Q4 0 4 1.9Q4 3.7 2.1 3.7H0M2.2 3.7L4.3 7
S 4 M3.8 1.3Q3.4 0 2 0Q.2 0 .2 1.7Q.2 3 2 3.4Q4 3.8 4 5.2Q4 7 2 7Q.4 7 0 5.6
T 4.6 M0 0H4.6M2.3 0V7
U 4.5 M0 0V4.7Q0 7 2.25 7Q4.5 7 4.5 4.7V0
V 5 M0 0L2.5 7L5 0
W 7 M0 0L1.8 7L3.5 1L5.2 7L7 0
X 4.4 M0 0L4.4 7M4.4 0L0 7
Y 4.6 M0 0L2.3 3.6L4.6 0M2.3 3.6V7
Z 4.3 M0 0H4.2L0 7H4.3
[ 1.4 M1.4 -.5H0V7.8H1.4
\\ 2.8 M0 -.3L2.8 7.6
] 1.4 M0 -.5H1.4V7.8H0
^ 3.4 M0 2.6L1.7 0L3.4 2.6
_ 4 M0 7.8H4
\` 1.2 M0 0L1.2 1.3
a 3.7 M.2 3.1Q.7 2 2 2Q3.7 2 3.7 3.8V7M3.7 4.2H2Q0 4.3 0 5.6Q.1 7 1.6 7Q3.2 7 3.7 5.5
b 4 M0 0V7${BOWL}
c 3.6 M3.6 3.2Q3.1 2 2 2Q0 2 0 4.5Q0 7 2 7Q3.1 7 3.6 5.8
d 4 M4 0V7${BOWL}
e 3.9 M.1 4.4H3.9Q3.9 2 2 2Q0 2 0 4.5Q0 7 2.1 7Q3.3 7 3.7 6
f 2.7 M2.7 .1Q1.2 -.3 1.2 1.6V7M0 2.2H2.5
g 4 M4 2V7Q4 9 2 9Q.8 9 .4 8.3${BOWL}
h 3.7 M0 0V7M0 4Q.4 2 2 2Q3.7 2 3.7 4V7
i 0 M0 2V7M0 0V.1
j 1.1 M1.1 2V7.5Q1.1 9 0 9M1.1 0V.1
k 3.5 M0 0V7M3.3 2L0 5M1.3 3.9L3.5 7
l 1 M0 0V5.8Q0 7 1 7
m 6 M0 2V7M0 4Q.3 2 1.7 2Q3 2 3 4V7M3 4Q3.3 2 4.7 2Q6 2 6 4V7
n 3.7 M0 2V7M0 4Q.4 2 2 2Q3.7 2 3.7 4V7
o 4 ${BOWL}
p 4 M0 2V9${BOWL}
q 4 M4 2V9${BOWL}
r 2.3 M0 2V7M0 4.2Q.4 2 2.3 2.1
s 3.4 M3.2 2.9Q2.8 2 1.7 2Q.2 2 .2 3.2Q.2 4.2 1.8 4.5Q3.4 4.7 3.4 5.8Q3.3 7 1.7 7Q.4 7 0 6
t 2.7 M1.2 .4V5.4Q1.2 7 2.7 6.8M0 2.2H2.6
u 3.7 M0 2V5Q0 7 1.7 7Q3.3 7 3.7 5M3.7 2V7
v 4 M0 2L2 7L4 2
w 5.8 M0 2L1.5 7L2.9 2.6L4.3 7L5.8 2
x 3.6 M0 2L3.6 7M3.6 2L0 7
y 4 M0 2L2 7M4 2L1.8 7.7Q1.3 9 .1 9
z 3.5 M0 2H3.4L0 7H3.5
{ 1.8 M1.8 -.5Q.8 -.5 .8 .8V2.4Q.8 3.6 0 3.6Q.8 3.6 .8 4.8V6.5Q.8 7.8 1.8 7.8
| 0 M0 -.5V7.8
} 1.8 M0 -.5Q1 -.5 1 .8V2.4Q1 3.6 1.8 3.6Q1 3.6 1 4.8V6.5Q1 7.8 0 7.8
~ 4 M0 4.5Q.6 3.2 1.7 4Q3 5 4 3.6`;

const GLYPHS: ReadonlyMap<string, Glyph> = new Map([
  [" ", { width: 1.4, path: "" }],
  ...DRAWN.trim()
    .split("\n")
    .map((line): [string, Glyph] => {
      const [letter = "", width = "", ...path] = line.split(" ");
      return [letter, { width: Number(width), path: path.join(" ") }];
    }),
]);
