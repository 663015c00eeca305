import { Argument, type Command } from "commander";
import { completionScript, type Shell, shells } from "../completion.js";
import { print, type Terminal } from "../terminal.js";

export function addCompletion(program: Command, terminal: Terminal): void {
  program
    .command("completion")
    .description("print a script that lets a shell complete commands and flags; it says where to put it")
    .addArgument(new Argument("<shell>", "the shell").choices(shells))
    .action((shell: Shell) => print(terminal, completionScript(program, shell)));
}
