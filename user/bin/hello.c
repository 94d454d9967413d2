/* hello: the first C program. Shows what the kernel handed over. */
#include <stdio.h>

int main(int argc, char **argv, char **envp)
{
	printf("Hello from ring 3: %d argument%s\n", argc, argc == 1 ? "" : "s");
	for (int i = 0; i < argc; i++)
		printf("  argv[%d] = %s\n", i, argv[i]);
	for (int i = 0; envp[i]; i++)
		printf("  envp[%d] = %s\n", i, envp[i]);
	return 0;
}
