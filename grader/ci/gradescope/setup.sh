#!/bin/sh
# Gradescope runs this once, as root, when the image of the autograder is made.
set -e
cd /autograder/source/switchback
apt-get update -q
sh kernel/tools/setup.sh kernel qemu iso newlib test sandbox
# What all submissions have in common is built here and not in each run.
/usr/bin/python3 -I -B grader/classroom/prepare.py @LAB@
