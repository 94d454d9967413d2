# A walk through what the kernel can do at this stage; a line that fails needs a later one.
echo "words $HOME"
hello one two
cd /tmp
echo first > notes
echo second >> notes
cat notes | wc
mkdir folder && mv notes folder
ls -l folder
cp folder/notes copy; cat < copy | grep second
ls none || echo "status $?"
rm -r folder copy
sysinfo
ps
