/* viv completion: scripts for shells, made of the table that the parser has. */
#include <stdio.h>

#include "client/viv/command.h"

/* Options whose values are files. */
#define FILE_OPTIONS                                        \
    "--stdin|--scope-in|--scope-out|--out|-o|--token-file|" \
    "--tls-ca|--tls-cert|--tls-key"

static void print_commands(const char *between)
{
    const char *before = "";

    for (int c = 0; c < VIV_COMMANDS; c++)
        if (viv_options_command((enum viv_command)c)) {
            printf("%s%s", before, viv_options_command((enum viv_command)c));
            before = between;
        }
}

static void print_options(enum viv_command command, bool with_value, const char *between)
{
    const struct option *o = viv_options_table(command);
    const char *before = "";

    for (; o->name; o++)
        if (!with_value || o->has_arg) {
            printf("%s--%s", before, o->name);
            before = between;
        }
}

/* What may stand first behind a command, beside options. */
static void print_words(enum viv_command command)
{
    const char *before = "";

    if (command == VIV_COMMAND_HELP)
        print_commands(" ");
    if (command == VIV_COMMAND_COMPLETION)
        printf("bash zsh");
    if (command == VIV_COMMAND_CANCEL) /* the executions that there are */
        printf("'$(viv ps 2>/dev/null | sed -n '2,$s/ .*//p')'");
    for (int v = 0; v < VIV_VERBS; v++)
        if (viv_options_verb(command, (enum viv_verb)v)) {
            printf("%s%s", before, viv_options_verb(command, (enum viv_verb)v));
            before = " ";
        }
}

/* A case of each command that sets what may follow it. */
static void print_cases(void)
{
    for (int c = 0; c < VIV_COMMANDS; c++) {
        enum viv_command command = (enum viv_command)c;

        if (!viv_options_command(command))
            continue;
        printf("    %s)\n      follow='", viv_options_command(command));
        print_words(command);
        printf("'\n      options='");
        print_options(command, false, " ");
        printf("'\n      valued='");
        print_options(command, true, " ");
        printf("'\n      ;;\n");
    }
}

static void print_bash(void)
{
    printf("# bash completion for viv, by viv completion bash\n"
           "_viv() {\n"
           "  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
           "  local command=${COMP_WORDS[1]} follow='' options='' valued=''\n"
           "  COMPREPLY=()\n"
           "  if ((COMP_CWORD == 1)); then\n"
           "    mapfile -t COMPREPLY < <(compgen -W '");
    print_commands(" ");
    printf("' -- \"$cur\")\n"
           "    return\n"
           "  fi\n"
           "  case $command in\n");
    print_cases();
    printf("    *) return ;;\n"
           "  esac\n"
           "  case $prev in\n"
           "    " FILE_OPTIONS ")\n"
           "      compopt -o filenames\n"
           "      mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
           "      return ;;\n"
           "  esac\n"
           "  [[ \" -c $valued \" == *\" $prev \"* ]] && return\n"
           "  if [[ $cur == -* ]]; then\n"
           "    mapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$cur\")\n"
           "  elif [[ $follow && $COMP_CWORD -eq 2 ]]; then\n"
           "    mapfile -t COMPREPLY < <(compgen -W \"$follow\" -- \"$cur\")\n"
           "  else\n"
           "    compopt -o filenames\n"
           "    mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
           "  fi\n"
           "}\n"
           "complete -F _viv viv\n");
}

static void print_zsh(void)
{
    printf("#compdef viv\n"
           "# zsh completion for viv, by viv completion zsh\n"
           "_viv() {\n"
           "  local cur=${words[CURRENT]} prev=${words[CURRENT-1]} command=${words[2]}\n"
           "  local options= valued= follow=\n"
           "  if ((CURRENT == 2)); then\n"
           "    compadd -- ");
    print_commands(" ");
    printf("\n"
           "    return\n"
           "  fi\n"
           "  case $command in\n");
    print_cases();
    printf("  esac\n"
           "  case $prev in\n"
           "    " FILE_OPTIONS ")\n"
           "      _files\n"
           "      return ;;\n"
           "  esac\n"
           "  [[ \" -c $valued \" == *\" $prev \"* ]] && return 1\n"
           "  if [[ $cur == -* ]]; then\n"
           "    compadd -- ${=options}\n"
           "  elif [[ -n $follow && $CURRENT -eq 3 ]]; then\n"
           "    compadd -- ${=follow}\n"
           "  else\n"
           "    _files\n"
           "  fi\n"
           "}\n"
           "if [[ $funcstack[1] == _viv ]]; then _viv \"$@\"; else compdef _viv viv; fi\n");
}

int viv_command_completion(const struct viv_options *options)
{
    if (options->shell[0] == 'b')
        print_bash();
    else
        print_zsh();
    return fflush(stdout) ? 1 : 0;
}
