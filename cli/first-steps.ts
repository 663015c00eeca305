/** Three commands to try, for someone who has typed the program's name alone. */
export const FIRST_STEPS = `vqkit trains image tokenizers, turns images into integers and back, and shows which codes are used.

Three commands to try, PHOTOS being a folder of images:
  vqkit train PHOTOS --quantizer fsq --steps 200     a first model, in runs/fsq, with a report to open
  vqkit encode runs/fsq PHOTOS --out codes           its codes of the same images
  vqkit try runs/fsq                                 the model in the browser

All commands: vqkit --help. One of them: vqkit train --help.
`;
