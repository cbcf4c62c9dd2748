from greenchat.cli import main

main()
