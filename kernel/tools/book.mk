# The course book: handouts/ and what is generated from the tree, as HTML and PDF.

#@   make book               the course book: build/book/html/index.html and build/book/switchback.pdf
#@   make book-check         builds it, then looks for broken links and pictures, and tries the commands that it shows
.PHONY: book book-check do-book do-book-check
book:
	@$(SETUP) kernel book skeletons
	@$(MAKE) do-book
do-book:
	@BUILD=$(BUILD) sh kernel/tools/book.sh

book-check:
	@$(SETUP) kernel qemu gdb book skeletons newlib test
	@$(MAKE) do-book
	@$(MAKE) -s do-prepare
	@$(MAKE) -s do-test T='book $(T)'
