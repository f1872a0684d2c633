"""What does the page cost, and how soon does it show what happens? ``python -m benchmarks.page``"""
