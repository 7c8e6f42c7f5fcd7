"""What papers print, beside what this suite measured."""
