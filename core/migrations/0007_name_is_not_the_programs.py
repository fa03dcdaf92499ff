"""No account has a name that the program itself signs with."""

import django.contrib.auth.validators
import django.core.validators
import re
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("core", "0006_fewer_checks_and_indexes"),
    ]

    operations = [
        migrations.AlterField(
            model_name="user",
            name="username",
            field=models.CharField(
                error_messages={"unique": "There is an account of this name already."},
                help_text="Only letters, digits and @ . + - _. The books and the trail know the person by this name, so it cannot be changed.",
                max_length=150,
                unique=True,
                validators=[
                    django.contrib.auth.validators.UnicodeUsernameValidator(),
                    django.core.validators.RegexValidator(
                        "^(self|courier|visitor|worker|partner .*|load_(amenities|divisions|gifts)|fill_day_types|import_(stations|couriers)|rotate_courier_keys|seed_demo|demo_(accounts|couriers|partner|points))$",
                        "The program itself signs with this name. Take another.",
                        flags=re.RegexFlag["IGNORECASE"],
                        inverse_match=True,
                    ),
                ],
                verbose_name="username",
            ),
        ),
        migrations.AddConstraint(
            model_name="user",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "username__iregex",
                        "^(self|courier|visitor|worker|partner .*|load_(amenities|divisions|gifts)|fill_day_types|import_(stations|couriers)|rotate_courier_keys|seed_demo|demo_(accounts|couriers|partner|points))$",
                    ),
                    _negated=True,
                ),
                name="core_user_name_is_not_the_programs",
            ),
        ),
    ]
